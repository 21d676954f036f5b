"""A whole language model of less than a megabyte, as a GGUF file that llama.cpp loads: after each character comes the one that a
table names, so what it will say is known. An answer to a chat counts through the alphabet and ends; digits go round for ever.

With --pooling it is one for embeddings: a text's vector is the mean of its tokens', of which each has a direction of its own.
With --template it has a chat template of another kind.

usage: tiny_model.py [--pooling] [--template chatml|gemma|mistral] FILE
"""

import argparse

import gguf
import numpy

CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# As in the vocabularies of their models a token each.
SPECIALS = {"chatml": CHATML, "gemma": CHATML + ["<start_of_turn>", "<end_of_turn>"], "mistral": CHATML + ["[INST]", "[/INST]", "</s>"]}
# A merge must be there; these two bytes are in no UTF-8 text.
MERGE = "\u00fe \u00ff"
REFUSES = "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
ALTERNATES = "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}" + REFUSES + "{% endif %}"
SYSTEM_FIRST = ("{% set first = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}"
                "{% set others = messages[1:] if first else messages %}")
# ChatML as Qwen's, and two that take turns only: a question, an answer, a question.
TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
              "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "gemma": SYSTEM_FIRST + "{% for message in others %}" + ALTERNATES +
             "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' + (first if loop.first else '') }}"
             "{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}{% endfor %}"
             "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    "mistral": SYSTEM_FIRST + "{% for message in others %}" + ALTERNATES +
               "{% if message['role'] == 'user' %}{{ '[INST] ' + (first if loop.last else '') + message['content'] + '[/INST]' }}"
               "{% else %}{{ ' ' + message['content'] + '</s>' }}{% endif %}{% endfor %}",
}
CHAT_ANSWER = "abcdefghijklmnopqrstuvwxyz."
DIGITS = "0123456789"


def byte_letters():
    """The printable stand-in of each byte in a byte-level vocabulary, as GPT-2 has it."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    letters, extra = {}, 0
    for byte in range(256):
        if byte in plain:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + extra)
            extra += 1
    return [letters[byte] for byte in range(256)]


def successors(vocabulary):
    """token -> the token that follows it"""
    chat = ["\n", *CHAT_ANSWER]
    after = {ord(one): ord(other) for one, other in zip(chat, chat[1:])}
    after[ord(chat[-1])] = 256 + CHATML.index("<|im_end|>")
    after.update({ord(one): ord(other) for one, other in zip(DIGITS, DIGITS[1:] + DIGITS[0])})
    # Whatever else a prompt ends with begins an answer.
    return [after.get(token, ord("a")) for token in range(len(vocabulary))]


def write(path, pooling=False, template="chatml"):
    specials = SPECIALS[template]
    vocabulary = byte_letters() + specials + [MERGE.replace(" ", "")]
    heads, head_size = 9, 32
    width = heads * head_size  # a dimension for each token
    assert width >= len(vocabulary)
    out = gguf.GGUFWriter(path, "llama")
    out.add_name("tiny")
    out.add_context_length(131072)
    out.add_embedding_length(width)
    out.add_block_count(1)
    out.add_feed_forward_length(32)
    out.add_head_count(heads)
    out.add_head_count_kv(heads)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_vocab_size(len(vocabulary))
    out.add_rope_dimension_count(head_size)
    if pooling:
        out.add_pooling_type(gguf.PoolingType.MEAN)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list(vocabulary)
    out.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(specials) + [gguf.TokenType.NORMAL])
    out.add_token_merges([MERGE])
    out.add_bos_token_id(256)
    out.add_eos_token_id(256 + CHATML.index("<|im_end|>"))
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATES[template])

    embedding = numpy.zeros((len(vocabulary), width), numpy.float32)
    embedding[range(len(vocabulary)), range(len(vocabulary))] = 1
    follow = numpy.zeros((len(vocabulary), width), numpy.float32)
    follow[successors(vocabulary), range(len(vocabulary))] = 4
    nothing = numpy.zeros((width, width), numpy.float32)
    out.add_tensor("token_embd.weight", embedding)
    out.add_tensor("output_norm.weight", numpy.ones(width, numpy.float32))
    out.add_tensor("output.weight", follow)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        out.add_tensor(f"blk.0.{name}.weight", nothing)
    for name in ("attn_norm", "ffn_norm"):
        out.add_tensor(f"blk.0.{name}.weight", numpy.ones(width, numpy.float32))
    out.add_tensor("blk.0.ffn_gate.weight", numpy.zeros((32, width), numpy.float32))
    out.add_tensor("blk.0.ffn_up.weight", numpy.zeros((32, width), numpy.float32))
    out.add_tensor("blk.0.ffn_down.weight", numpy.zeros((width, 32), numpy.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("--pooling", action="store_true")
    flags.add_argument("--template", choices=TEMPLATES, default="chatml")
    flags.add_argument("path", metavar="FILE")
    write(**vars(flags.parse_args()))
