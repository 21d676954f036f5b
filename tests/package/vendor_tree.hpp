#pragma once
// Package folders after the real layouts (docs/facts/vendor_ax.md#packages): names, scripts and sizes are the
// vendors', the contents are holes with a last byte. Each can be made whole, as a git-LFS checkout without
// its large files, or cut off.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace corral::tests {

enum class tree_state { whole, pointers, truncated };

// A folder that goes with its test.
class vendor_tree {
public:
    explicit vendor_tree(const std::string& name, tree_state state = tree_state::whole) : state_(state) {
        const char* base = std::getenv("TMPDIR");
        std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/corral-vendor-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        folder_ = root_ / name;
        std::filesystem::create_directories(folder_);
    }
    vendor_tree(const vendor_tree&) = delete;
    vendor_tree& operator=(const vendor_tree&) = delete;
    ~vendor_tree() {
        std::error_code left;
        std::filesystem::remove_all(root_, left);
    }

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }

    // A file that git keeps as it is.
    void text(const std::string& name, std::string_view content) const {
        std::filesystem::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name, std::ios::binary) << content;
    }
    // One that git-LFS keeps; the truncated tree has the first half.
    void large(const std::string& name, std::uint64_t size, std::string_view head = "axmodel") const {
        if (state_ == tree_state::pointers) {
            text(name, "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') +
                           "\nsize " + std::to_string(size) + "\n");
            return;
        }
        text(name, head);
        const std::uint64_t kept = state_ == tree_state::truncated ? size / 2 : size;
        std::filesystem::resize_file(folder_ / name, kept);
        std::fstream file(folder_ / name, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(-1, std::ios::end);
        file.put('.');
    }
    // A program of that machine: a header without segments.
    void program(const std::string& name, unsigned char machine) const {
        std::string head(
            "\x7F"
            "ELF\x02\x01\x01",
            7);
        head.resize(64, '\0');
        head[16] = 2;
        head[18] = static_cast<char>(machine);
        head[20] = 1;
        head[52] = 64;
        large(name, 200'000, head);
        std::filesystem::permissions(folder_ / name, static_cast<std::filesystem::perms>(0755));
    }

private:
    tree_state state_;
    std::filesystem::path root_;
    std::filesystem::path folder_;
};

// A package of the polling generation.
struct polling_package {
    std::string name;    // of its folder
    std::string script;  // "qwen3_4b_int8_ctx"
    std::string models;  // "qwen3-4b-ax650"
    std::string stem;    // "qwen3_p128"
    std::string post;    // "qwen3_post.axmodel"
    int layers = 0;
    std::uint64_t rows = 0;
    std::uint64_t width = 0;
    std::string tokenizer;  // "qwen3_tokenizer_uid.py"
    bool no_think = false;
    bool servers = true;  // main_api_* are in it
};

inline std::string run_script(const polling_package& of, const std::string& program,
                              const std::string& last) {
    return "./" + program +
           " \\\n--system_prompt \"You are Qwen, created by Alibaba Cloud. You are a helpful assistant.\" "
           "\\\n"
           "--template_filename_axmodel \"" +
           of.models + "/" + of.stem + "_l%d_together.axmodel\" \\\n--axmodel_num " +
           std::to_string(of.layers) +
           " \\\n--url_tokenizer_model \"http://127.0.0.1:12345\" \\\n--filename_post_axmodel " + of.models +
           "/" + of.post + " \\\n--filename_tokens_embed " + of.models +
           "/model.embed_tokens.weight.bfloat16.bin \\\n--tokens_embed_num " + std::to_string(of.rows) +
           " \\\n--tokens_embed_size " + std::to_string(of.width) + " \\\n--use_mmap_load_embed 1 " + last +
           "\n\n# --system_prompt \"\xE4\xBD\xA0\xE5\xA5\xBD, it's LISA\" \\\n# --kvcache_path ./kvcache "
           "\\\n# --tokenizer_type 2 \\\n";
}

inline void fill(const vendor_tree& tree, const polling_package& of) {
    for (int i = 0; i < of.layers; ++i) {
        tree.large(of.models + "/" + of.stem + "_l" + std::to_string(i) + "_together.axmodel", 20'000'000);
    }
    tree.large(of.models + "/" + of.post, 90'000'000);
    tree.large(of.models + "/model.embed_tokens.weight.bfloat16.bin", of.rows * of.width * 2, "embed");
    tree.text("config.json", "");
    tree.text(
        "post_config.json",
        R"({"enable_temperature": false, "temperature": 0.9, "enable_repetition_penalty": false,)"
        R"( "repetition_penalty": 1.2, "penalty_window": 20, "enable_top_p_sampling": false, "top_p": 0.8,)"
        R"( "enable_top_k_sampling": true, "top_k": 1})");
    tree.text(of.tokenizer, std::string("import argparse\nparser = argparse.ArgumentParser()\n"
                                        "parser.add_argument('--host')\nparser.add_argument('--port')\n"
                                        "# /get_uid /bos_id /eos_id /encode /decode /reset\n") +
                                (of.no_think ? "prompt += '/no_think'\n" : ""));
    tree.text("run_" + of.script + "_ax650.sh",
              run_script(of, "main_ax650", "\\\n--tokenizer_type 2 \\\n--live_print 1"));
    tree.text("run_" + of.script + "_axcl_aarch64.sh",
              run_script(of, "main_axcl_aarch64", "\\\n--live_print 1 \\\n--devices 0"));
    tree.text("run_" + of.script + "_axcl_x86.sh",
              run_script(of, "main_axcl_x86", "\\\n--live_print 1 \\\n--devices 0"));
    tree.program("main_ax650", 183);
    tree.program("main_axcl_aarch64", 183);
    tree.program("main_axcl_x86", 62);
    if (of.servers) {
        tree.text("run_" + of.script + "_axcl_x86_api.sh",
                  run_script(of, "main_api_axcl_x86", "\\\n--devices 0,1"));
        tree.program("main_api_ax650", 183);
        tree.program("main_api_axcl_aarch64", 183);
        tree.program("main_api_axcl_x86", 62);
    }
}

inline const polling_package qwen3_4b{"Qwen3-4B",
                                      "qwen3_4b_int8_ctx",
                                      "qwen3-4b-ax650",
                                      "qwen3_p128",
                                      "qwen3_post.axmodel",
                                      36,
                                      151936,
                                      2560,
                                      "qwen3_tokenizer_uid.py",
                                      true};
inline const polling_package qwen25_1_5b{"Qwen2.5-1.5B-Instruct",
                                         "qwen2.5_1.5b_ctx",
                                         "qwen2.5-1.5b-ctx-ax650",
                                         "qwen2_p128",
                                         "qwen2_post.axmodel",
                                         28,
                                         151936,
                                         1536,
                                         "qwen2.5_tokenizer_uid.py"};
inline const polling_package qwen25_7b{"Qwen2.5-7B-Instruct",
                                       "qwen2.5_7b_ctx_int4",
                                       "qwen2.5-7b-ctx-int4-ax650",
                                       "qwen2_p128",
                                       "qwen2_post.axmodel",
                                       28,
                                       152064,
                                       3584,
                                       "qwen2.5_tokenizer_uid.py"};
inline const polling_package deepseek_1_5b{"DeepSeek-R1-Distill-Qwen-1.5B",
                                           "deepseek-r1_1.5b_ctx",
                                           "deepseek-r1-1.5b-ax650",
                                           "qwen2_p128",
                                           "qwen2_post.axmodel",
                                           28,
                                           151936,
                                           1536,
                                           "deepseek-r1_tokenizer_uid.py"};
inline const polling_package minicpm4{"MiniCPM4-0.5B",
                                      "minicpm4_0.5b_int8_ctx",
                                      "minicpm4-0.5b-int8-ctx-ax650",
                                      "MiniCPMForCausalLM_p128",
                                      "MiniCPMForCausalLM_post.axmodel",
                                      24,
                                      73448,
                                      1024,
                                      "minicpm4_tokenizer_uid.py",
                                      false,
                                      false};

// InternVL: a picture encoder beside the layers.
inline void fill_vision(const vendor_tree& tree) {
    for (int i = 0; i < 24; ++i) {
        tree.large("internvl2_5_1b_448_ax650/qwen2_p320_l" + std::to_string(i) + "_together.axmodel",
                   20'000'000);
    }
    tree.large("internvl2_5_1b_448_ax650/qwen2_post.axmodel", 90'000'000);
    tree.large("internvl2_5_1b_448_ax650/vit_intern_2_5_sim_space2depth_nhwc.axmodel", 300'000'000);
    tree.large("internvl2_5_1b_448_ax650/model.embed_tokens.weight.bfloat16.bin", 151674ULL * 896 * 2,
               "embed");
    tree.text("internvl2_5_tokenizer.py", "# /get_uid /img_start_token\n");
    tree.text(
        "run_internvl2_5_448_ax650.sh",
        "./main_ax650 \\\n--template_filename_axmodel "
        "\"internvl2_5_1b_448_ax650/qwen2_p320_l%d_together.axmodel\" "
        "\\\n--axmodel_num 24 \\\n--filename_image_encoder_axmodedl "
        "\"internvl2_5_1b_448_ax650/vit_intern_2_5_sim_space2depth_nhwc.axmodel\" \\\n--tokenizer_type 2 "
        "\\\n--bos 0 --eos 0 \\\n--use_mmap_load_embed 0 \\\n--filename_tokenizer_model "
        "\"http://127.0.0.1:12345\" \\\n--filename_post_axmodel "
        "\"internvl2_5_1b_448_ax650/qwen2_post.axmodel\" "
        "\\\n--filename_tokens_embed "
        "\"internvl2_5_1b_448_ax650/model.embed_tokens.weight.bfloat16.bin\" \\\n--tokens_embed_num 151674 "
        "\\\n--tokens_embed_size 896 \\\n--live_print 1 \\\n--continue 1 \\\n--prompt \"\" --image \"\"");
    tree.program("main_ax650", 183);
}

// `axllm serve`: a real config.json and no program.
inline void fill_axllm(const vendor_tree& tree) {
    for (int i = 0; i < 28; ++i) {
        tree.large("qwen3_p128_l" + std::to_string(i) + "_together.axmodel", 20'000'000);
    }
    tree.large("qwen3_post.axmodel", 90'000'000);
    tree.large("model.embed_tokens.weight.bfloat16.bin", 151936ULL * 1024 * 2, "embed");
    tree.text("qwen3_tokenizer.txt", "tokenizer\n");
    tree.text("post_config.json", "{}");
    tree.text(
        "config.json",
        R"({"model_name": "AXERA-TECH/Qwen3-0.6B", "tokenizer_type": "Qwen3",)"
        R"( "url_tokenizer_model": "qwen3_tokenizer.txt",)"
        R"( "template_filename_axmodel": "qwen3_p128_l%d_together.axmodel", "axmodel_num": 28,)"
        R"( "filename_post_axmodel": "qwen3_post.axmodel",)"
        R"( "filename_tokens_embed": "model.embed_tokens.weight.bfloat16.bin", "tokens_embed_num": 151936,)"
        R"( "tokens_embed_size": 1024, "use_mmap_load_embed": 1, "devices": [0], "port": 8000})");
}

}  // namespace corral::tests
