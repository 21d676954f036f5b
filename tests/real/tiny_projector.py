"""A projector of images (`mmproj`) for tiny_model.py's model, as a GGUF file that llama.cpp loads: a picture, whatever is on it,
becomes (SIDE / PATCH)² tokens of nothing.

usage: tiny_projector.py FILE
"""

import sys

import gguf
import numpy

SIDE, PATCH = 56, 14
TOKENS = (SIDE // PATCH) ** 2
WIDTH, WIDE, HEADS = 32, 64, 2
MODEL_WIDTH = 288  # tiny_model.py's


def write(path):
    out = gguf.GGUFWriter(path, "clip")
    out.add_name("tiny projector")
    out.add_string("general.type", "mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "mlp")
    for key, value in {"image_size": SIDE, "patch_size": PATCH, "embedding_length": WIDTH, "feed_forward_length": WIDE,
                       "projection_dim": MODEL_WIDTH, "block_count": 2, "attention.head_count": HEADS}.items():
        out.add_uint32("clip.vision." + key, value)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    out.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    out.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    out.add_bool("clip.use_gelu", True)

    def zeros(name, *shape):
        out.add_tensor(name, numpy.zeros(shape, numpy.float32))

    zeros("v.class_embd", WIDTH)
    zeros("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH)
    zeros("v.position_embd.weight", TOKENS + 1, WIDTH)
    layers = {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH), "attn_out": (WIDTH, WIDTH),
              "ffn_down": (WIDTH, WIDE), "ffn_up": (WIDE, WIDTH), "ln1": (WIDTH,), "ln2": (WIDTH,)}
    for block in range(2):
        for name, shape in layers.items():
            zeros(f"v.blk.{block}.{name}.weight", *shape)
            zeros(f"v.blk.{block}.{name}.bias", shape[0])
    ends = {"v.pre_ln": (WIDTH,), "v.post_ln": (WIDTH,), "mm.0": (MODEL_WIDTH, WIDTH), "mm.2": (MODEL_WIDTH, MODEL_WIDTH)}
    for name, shape in ends.items():
        zeros(f"{name}.weight", *shape)
        zeros(f"{name}.bias", shape[0])
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    write(sys.argv[1])
