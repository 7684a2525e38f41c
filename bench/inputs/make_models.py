#!/usr/bin/env python3
"""Tiny random models of 26 architectures, each with two fine-tunes made by adding noise.

    make_models.py OUT [NAME ...]     writes OUT/NAME/{base,a,b}, as save_pretrained does

Encoders, decoders, encoder-decoders, vision, audio, state space, mixtures of experts, vision-language. Needs
transformers and torch.
"""
import copy, os, sys
import torch, transformers as T

D = dict(vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
         num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
E = dict(vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
         max_position_embeddings=64, pad_token_id=0)
VIS = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8)
MOE = dict(D, num_experts_per_tok=2, moe_intermediate_size=16)


def llava():
    c = T.LlavaConfig(vision_config=T.CLIPVisionConfig(**VIS, projection_dim=32), text_config=T.LlamaConfig(**D),
                      image_token_index=5)
    return T.LlavaForConditionalGeneration(c)


MODELS = {
    # decoders
    "llama": lambda: T.LlamaForCausalLM(T.LlamaConfig(**D)),
    "llama-tied": lambda: T.LlamaForCausalLM(T.LlamaConfig(**D, tie_word_embeddings=True)),
    "qwen3": lambda: T.Qwen3ForCausalLM(T.Qwen3Config(**D, head_dim=8)),
    "gemma2": lambda: T.Gemma2ForCausalLM(T.Gemma2Config(**D, head_dim=8)),
    "phi3": lambda: T.Phi3ForCausalLM(T.Phi3Config(**D)),
    "gpt2": lambda: T.GPT2LMHeadModel(T.GPT2Config(vocab_size=96, n_positions=64, n_embd=32, n_layer=2, n_head=4)),
    "gpt-neox": lambda: T.GPTNeoXForCausalLM(T.GPTNeoXConfig(**E)),
    "falcon": lambda: T.FalconForCausalLM(T.FalconConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)),
    "bloom": lambda: T.BloomForCausalLM(T.BloomConfig(vocab_size=96, hidden_size=32, n_layer=2, n_head=4)),
    # encoders
    "bert": lambda: T.BertForMaskedLM(T.BertConfig(**E)),
    "roberta": lambda: T.RobertaForSequenceClassification(T.RobertaConfig(**E)),
    "deberta": lambda: T.DebertaV2Model(T.DebertaV2Config(**E, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"])),
    "distilbert": lambda: T.DistilBertModel(T.DistilBertConfig(vocab_size=96, dim=32, hidden_dim=64, n_layers=2, n_heads=4, max_position_embeddings=64)),
    # encoder-decoders
    "t5": lambda: T.T5ForConditionalGeneration(T.T5Config(vocab_size=96, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)),
    "bart": lambda: T.BartForConditionalGeneration(T.BartConfig(vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=64,
                                                 decoder_ffn_dim=64, encoder_attention_heads=4, decoder_attention_heads=4, max_position_embeddings=64)),
    # vision
    "vit": lambda: T.ViTForImageClassification(T.ViTConfig(**VIS)),
    "swin": lambda: T.SwinModel(T.SwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4)),
    "resnet": lambda: T.ResNetModel(T.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="bottleneck")),
    "clip": lambda: T.CLIPModel(T.CLIPConfig(text_config=T.CLIPTextConfig(**E, projection_dim=32).to_dict(),
                                             vision_config=T.CLIPVisionConfig(**VIS, projection_dim=32).to_dict(), projection_dim=32)),
    # audio
    "whisper": lambda: T.WhisperForConditionalGeneration(T.WhisperConfig(vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
                                               decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=16, max_source_positions=32,
                                               max_target_positions=32, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
                                               suppress_tokens=None, begin_suppress_tokens=None)),
    "wav2vec2": lambda: T.Wav2Vec2Model(T.Wav2Vec2Config(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                                                         conv_dim=[16, 16], conv_stride=[5, 2], conv_kernel=[10, 3], num_feat_extract_layers=2,
                                                         num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)),
    # state space
    "mamba": lambda: T.MambaForCausalLM(T.MambaConfig(vocab_size=96, hidden_size=32, state_size=8, num_hidden_layers=2)),
    # mixtures of experts
    "mixtral": lambda: T.MixtralForCausalLM(T.MixtralConfig(**D, num_local_experts=4, num_experts_per_tok=2)),
    "qwen3-moe": lambda: T.Qwen3MoeForCausalLM(T.Qwen3MoeConfig(**MOE, num_experts=4, head_dim=8)),
    "gpt-oss": lambda: T.GptOssForCausalLM(T.GptOssConfig(**D, num_local_experts=4, num_experts_per_tok=2, head_dim=8, layer_types=["sliding_attention", "full_attention"])),
    "deepseek-v3": lambda: T.DeepseekV3ForCausalLM(T.DeepseekV3Config(**dict(MOE, num_key_value_heads=4), n_routed_experts=4, n_shared_experts=1, first_k_dense_replace=1,
                                                   n_group=1, topk_group=1, q_lora_rank=16, kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=8)),
    # vision-language
    "llava": llava,
}


def noise(model, seed, scale):
    tuned = copy.deepcopy(model)
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in dict.fromkeys(tuned.parameters()):
            p.add_(torch.randn(p.shape, generator=g) * scale)
    return tuned


def main(out, names):
    for name in names or MODELS:
        torch.manual_seed(0)
        base = MODELS[name]().eval()
        for p in base.parameters():
            # Freshly made models have zeros and ones where trained ones have numbers.
            p.data = p.data + torch.randn(p.shape) * 0.02
        for kind, model in (("base", base), ("a", noise(base, 1, 0.01)), ("b", noise(base, 2, 0.01))):
            model.to(torch.bfloat16).save_pretrained(os.path.join(out, name, kind))
        print(name, sum(p.numel() for p in base.parameters()))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
