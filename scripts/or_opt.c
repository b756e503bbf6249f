/* Nearly shortest round trips to learn from: 2-opt and or-opt with neighbour lists (Croes 1958;
 * Or 1976), kicked by local double bridges and kept when not longer (iterated local search,
 * Martin, Otto & Felten 1991). scripts/train_any_size.py compiles and calls it.
 *
 * Distances are symmetric. A tour is an array of places, with the position of each beside it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST 256      /* places */
#define NEIGHBOURS 10 /* of each place: legs to others are not tried */
#define SEGMENT 3     /* longest stretch that or-opt moves */
#define WINDOW 40     /* places within which a kick cuts the tour */

typedef struct {
    int n, near, tour[MOST], at[MOST], close[MOST][NEIGHBOURS];
    const double *distance;
    int queue[MOST], waiting, queued[MOST];
    uint64_t random;
} State;

static double leg(const State *s, int a, int b) { return s->distance[a * s->n + b]; }

static int wrap(const State *s, int position) {
    return position >= s->n ? position - s->n : position < 0 ? position + s->n : position;
}

static int after(const State *s, int place) { return s->tour[wrap(s, s->at[place] + 1)]; }

static int before(const State *s, int place) { return s->tour[wrap(s, s->at[place] - 1)]; }

static uint32_t draw(State *s, uint32_t below) { /* xorshift64*, Vigna 2016 */
    s->random ^= s->random >> 12, s->random ^= s->random << 25, s->random ^= s->random >> 27;
    return (uint32_t)(((s->random * 2685821657736338717ULL) >> 33) % below);
}

static void wake(State *s, int place) {
    if (!s->queued[place]) s->queued[place] = 1, s->queue[s->waiting++] = place;
}

/* Turn round the stretch between two positions, or, which is the same tour, the rest of it. */
static void reverse(State *s, int from, int to) {
    int inside = wrap(s, to - from) + 1;
    if (2 * inside > s->n) {
        int rest = from;
        from = wrap(s, to + 1), to = wrap(s, rest - 1), inside = s->n - inside;
    }
    for (int k = inside / 2; k > 0; k--) {
        int a = s->tour[from], b = s->tour[to];
        s->tour[from] = b, s->at[b] = from, s->tour[to] = a, s->at[a] = to;
        from = wrap(s, from + 1), to = wrap(s, to - 1);
    }
}

static int two_opt(State *s, int a) {
    for (int forward = 0; forward < 2; forward++) {
        int next = forward ? after(s, a) : before(s, a);
        double now = leg(s, a, next);
        for (int k = 0; k < s->near; k++) {
            int b = s->close[a][k];
            double gain = now - leg(s, a, b);
            if (gain <= 1e-9) break;
            int beyond = forward ? after(s, b) : before(s, b);
            if (gain + leg(s, b, beyond) - leg(s, next, beyond) <= 1e-9) continue;
            if (forward) reverse(s, s->at[next], s->at[b]);
            else reverse(s, s->at[a], s->at[beyond]);
            wake(s, a), wake(s, b), wake(s, next), wake(s, beyond);
            return 1;
        }
    }
    return 0;
}

/* Move the stretch that begins or ends at a next to one of its neighbours, by three reversals. */
static int or_opt(State *s, int a) {
    for (int side = 0; side < 2; side++) {
        int tail = a; /* the other end of the stretch */
        for (int size = 1; size <= SEGMENT && size + 2 < s->n; size++) {
            if (size > 1) tail = side ? after(s, tail) : before(s, tail);
            int first = side ? a : tail, last = side ? tail : a; /* by position */
            int left = before(s, first), right = after(s, last);
            double saved = leg(s, left, first) + leg(s, last, right) - leg(s, left, right);
            for (int k = 0; k < s->near; k++) {
                int b = s->close[a][k];
                if (saved - leg(s, a, b) <= 1e-9) break;
                int offset = wrap(s, s->at[b] - s->at[first]);
                if (offset < size) continue; /* b is in the stretch */
                for (int way = 0; way < 2; way++) {
                    int c = way ? after(s, b) : before(s, b); /* the stretch goes between b, c */
                    if (wrap(s, s->at[c] - s->at[first]) < size) continue;
                    double cost = leg(s, b, a) + leg(s, tail, c) - leg(s, b, c);
                    if (saved - cost <= 1e-9) continue;
                    /* Order after the move: ... left right ... b a..tail c ... and so on. */
                    int place[SEGMENT], low = way ? s->at[b] : s->at[c];
                    for (int i = 0, p = s->at[first]; i < size; i++, p = wrap(s, p + 1))
                        place[i] = s->tour[p];
                    int turned = way ? a != first : tail != first;
                    /* Shift what lies between the stretch and its goal by the stretch's size. */
                    int distance_on = wrap(s, low - s->at[last]); /* to the lower goal, forward */
                    int p = s->at[first];
                    for (int i = 0; i < distance_on; i++) {
                        int moved = s->tour[wrap(s, p + size)];
                        s->tour[p] = moved, s->at[moved] = p, p = wrap(s, p + 1);
                    }
                    for (int i = 0; i < size; i++, p = wrap(s, p + 1)) {
                        int moved = place[turned ? size - 1 - i : i];
                        s->tour[p] = moved, s->at[moved] = p;
                    }
                    wake(s, a), wake(s, tail), wake(s, b), wake(s, c), wake(s, left);
                    wake(s, right);
                    return 1;
                }
            }
        }
    }
    return 0;
}

static void descend(State *s) {
    while (s->waiting) {
        int a = s->queue[--s->waiting];
        s->queued[a] = 0;
        while (two_opt(s, a) || or_opt(s, a)) continue;
    }
}

/* Exchange two neighbouring stretches of the tour: a double bridge within a window. */
static void kick(State *s) {
    int window = s->n - 1 < WINDOW ? s->n - 1 : WINDOW, cut[3], places[WINDOW];
    int start = draw(s, s->n);
    for (int i = 0; i < 3; i++) cut[i] = draw(s, window);
    for (int i = 0; i < 3; i++)
        for (int j = i + 1; j < 3; j++)
            if (cut[j] < cut[i]) { int c = cut[i]; cut[i] = cut[j], cut[j] = c; }
    int size = 0;
    for (int i = cut[1]; i < cut[2]; i++) places[size++] = s->tour[wrap(s, start + i)];
    for (int i = cut[0]; i < cut[1]; i++) places[size++] = s->tour[wrap(s, start + i)];
    for (int i = 0; i < size; i++) {
        int p = wrap(s, start + cut[0] + i);
        s->tour[p] = places[i], s->at[places[i]] = p;
    }
    for (int i = 0; i < 3; i++)
        for (int j = -1; j < 1; j++) wake(s, s->tour[wrap(s, wrap(s, start + cut[i]) + j)]);
    int inner = wrap(s, start + cut[0] + cut[2] - cut[1]);
    wake(s, s->tour[inner]), wake(s, s->tour[wrap(s, inner - 1)]);
}

static double length(const State *s) {
    double total = leg(s, s->tour[s->n - 1], s->tour[0]);
    for (int i = 1; i < s->n; i++) total += leg(s, s->tour[i - 1], s->tour[i]);
    return total;
}

static void prepare(State *s, const double *distance, int n, int *tour) {
    s->n = n, s->distance = distance, s->near = n - 1 < NEIGHBOURS ? n - 1 : NEIGHBOURS;
    s->waiting = 0;
    memset(s->queued, 0, sizeof s->queued);
    for (int i = 0; i < n; i++) {
        s->tour[i] = tour[i], s->at[tour[i]] = i;
        int found = 0;
        for (int j = 0; j < n; j++) { /* insertion into the sorted list of the nearest */
            if (j == i || (found == s->near && leg(s, i, j) >= leg(s, i, s->close[i][found - 1])))
                continue;
            int k = found < s->near ? found++ : found - 1;
            for (; k > 0 && leg(s, i, s->close[i][k - 1]) > leg(s, i, j); k--)
                s->close[i][k] = s->close[i][k - 1];
            s->close[i][k] = j;
        }
    }
    for (int i = 0; i < n; i++) wake(s, tour[i]);
}

/* Improve the tours of `batch` instances in place, each by `kicks` kicks. */
void improve(const double *distance, int *tours, int batch, int n, int kicks, uint64_t seed) {
    State state, *s = &state;
    s->random = seed * 2 + 1;
    for (int b = 0; b < batch; b++) {
        prepare(s, distance + (int64_t)b * n * n, n, tours + b * n);
        descend(s);
        double shortest = length(s);
        memcpy(tours + b * n, s->tour, n * sizeof(int));
        for (int k = 0; k < kicks && n > 7; k++) {
            kick(s);
            descend(s);
            double now = length(s);
            if (now <= shortest + 1e-9) {
                shortest = now;
                memcpy(tours + b * n, s->tour, n * sizeof(int));
            } else {
                memcpy(s->tour, tours + b * n, n * sizeof(int));
                for (int i = 0; i < n; i++) s->at[s->tour[i]] = i;
            }
        }
    }
}
