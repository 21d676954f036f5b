#pragma once

#include <string>
#include <vector>

namespace corral::sim {

// The vendor's command line (docs/facts/vendor_ax.md#command-line; usage bytes as observed).
struct vendor_flags {
    std::string system_prompt = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
    std::string template_filename_axmodel = "tinyllama-int8/tinyllama_l%d.axmodel";
    std::string filename_post_axmodel = "tinyllama-int8/tinyllama_post.axmodel";
    std::string url_tokenizer_model = "http://127.0.0.1:12345";
    std::string filename_tokens_embed = "tinyllama.model.embed_tokens.weight.bfloat16.bin";
    int axmodel_num = 22;
    int tokens_embed_num = 32000;
    int tokens_embed_size = 2048;
    bool use_mmap_load_embed = false;
    std::vector<int> devices{0};
};

// Parses as the original does; where that ends the program (usage, a bad option), this does not return.
vendor_flags parse_vendor_flags(const std::string& argv0, const std::vector<std::string>& args, bool axcl);

}  // namespace corral::sim
