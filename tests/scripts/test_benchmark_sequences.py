"""The plain model that the grammar autoencoder is timed beside is the same model."""

import torch
import torch.nn.functional as F

from hringur.generative.models.grammar_vae import GrammarVAE, GrammarVAEConfig
from hringur.generative.sequences.networks import shifted
from tests.generative.sequences.small_strings import few_expressions
from tests.scripts.loading import load_script


def test_with_the_same_weights_it_has_the_same_codes_and_logits():
    config = GrammarVAEConfig(batch=8, latent=6, hidden=12, encoder_hidden=16, plan=8, embedding=4)
    model = GrammarVAE(few_expressions(), config, device="cpu")
    own = model.autoencoder.average
    plain = load_script("benchmark_sequences").Plain(
        len(model.grammar.rules), model.longest, config
    )
    plain.load_state_dict(own.state_dict())
    tokens = model.train[:8].tokens  # of several lengths
    padded = F.pad(tokens, (0, model.longest - tokens.shape[1]), value=-1)
    code = own.encode(tokens)[0]
    torch.testing.assert_close(plain.encode(padded), code)
    logits = plain.logits(code, padded)[:, : tokens.shape[1]]
    torch.testing.assert_close(logits, own.decoder(code, shifted(tokens)))
