#pragma once
// A package as docs/facts/vendor_ax.md#package-layout lists it, small but whole, and the machine it is for:
// an arm64 host with a card. A test then breaks it in one way.

#include <cstdlib>
#include <filesystem>
#include <string>

#include <elf.h>

#include "catalog/temporary_folder.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/package/machine.hpp"
#include "package/package_maker.hpp"
#include "process/elf_maker.hpp"

namespace corral::tests {

struct whole_package {
    static constexpr unsigned layers = 6;
    static constexpr std::uint64_t layer_bytes = 3'000'000;
    static constexpr std::uint64_t vocabulary = 1000;
    static constexpr std::uint64_t embedding_size = 64;

    temporary_folder box;
    std::filesystem::path folder;  // of the package
    std::filesystem::path root;    // of the machine
    catalog::model_entry model;
    package::machine here;

    whole_package() : folder(box.path() / "Qwen3-4B"), root(box.path() / "root") {
        ::setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
        ::unsetenv("LD_LIBRARY_PATH");
        make_machine();
        make_files();
        make_model();
    }

    [[nodiscard]] std::filesystem::path layer(unsigned number) const {
        return folder / ("qwen3-4b-ax650/qwen3_p128_l" + std::to_string(number) + "_together.axmodel");
    }
    [[nodiscard]] std::filesystem::path post() const { return folder / "qwen3-4b-ax650/qwen3_post.axmodel"; }
    [[nodiscard]] std::filesystem::path embedding() const {
        return folder / "qwen3-4b-ax650/model.embed_tokens.weight.bfloat16.bin";
    }
    [[nodiscard]] std::filesystem::path program() const { return folder / "main_api_axcl_aarch64"; }
    [[nodiscard]] std::filesystem::path script() const { return folder / "qwen3_tokenizer_uid.py"; }
    [[nodiscard]] std::filesystem::path library() const { return root / "usr/lib/axcl/libaxcl_rt.so"; }

    void write_program(const elf_wish& wish) const {
        write_text(program(), make_elf(wish));
        std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
    }
    [[nodiscard]] static elf_wish vendor_program() {
        return {EM_AARCH64, ET_DYN, "/lib/ld-linux-aarch64.so.1", {"libaxcl_rt.so", "libc.so.6"}, "",
                "",         200'000};
    }
    [[nodiscard]] static std::string script_text() {
        return "#!/usr/bin/env python3\n"
               "\"\"\"import nothing_of_this\"\"\"\n"
               "from transformers import AutoTokenizer\n"
               "from http.server import (\n    HTTPServer,\n    BaseHTTPRequestHandler)\n"
               "import json, argparse\nimport uuid as ids\n"
               "try:\n    import torch\nexcept ImportError:\n    pass\n\n"
               "class Tokenizer_Http():\n    def __init__(self):\n"
               "        model_id = \"qwen3_tokenizer\"\n"
               "        self.tokenizer = AutoTokenizer.from_pretrained(model_id)\n"
               "    def encode(self, text):\n        return self.tokenizer.apply_chat_template(text)\n\n"
               "def handle(path):\n    return path in ('/get_uid', '/bos_id', '/eos_id')\n\n"
               "args = argparse.ArgumentParser()\n"
               "args.add_argument('--host', type=str, default='0.0.0.0')\n"
               "args.add_argument('--port', type=int, default=12345)\n";
    }
    [[nodiscard]] static std::string post_config() {
        return R"({"enable_temperature": false, "temperature": 0.9, "enable_repetition_penalty": false,
 "repetition_penalty": 1.2, "penalty_window": 20, "enable_top_p_sampling": false, "top_p": 0.8,
 "enable_top_k_sampling": true, "top_k": 1})";
    }

private:
    void make_machine() {
        const auto library_text = make_elf({EM_AARCH64, ET_DYN, "", {"libc.so.6"}, "", "", 1000});
        write_text(root / "lib/ld-linux-aarch64.so.1", make_elf({EM_AARCH64, ET_DYN, "", {}, "", "", 1000}));
        write_text(root / "usr/lib/aarch64-linux-gnu/libc.so.6",
                   make_elf({EM_AARCH64, ET_DYN, "", {"ld-linux-aarch64.so.1"}, "", "", 1000}));
        write_text(library(), library_text);
        const auto python = root / "usr/bin/python3";
        write_text(python,
                   make_elf({EM_AARCH64, ET_DYN, "/lib/ld-linux-aarch64.so.1", {"libc.so.6"}, "", "", 5000}));
        std::filesystem::permissions(python, std::filesystem::perms::owner_all);
        here.elf_machine = EM_AARCH64;
        here.root = root;
        here.missing_modules = [](const std::string& asked, const std::vector<std::string>& modules) {
            std::vector<std::string> missing;
            for (const auto& one : modules) {
                const bool there = one == "transformers" || one == "jinja2" || one == "http" ||
                                   one == "json" || one == "argparse" || one == "uuid";
                if (!there || asked != "python3") {
                    missing.push_back(one);
                }
            }
            return std::optional(missing);
        };
    }
    void make_files() const {
        for (unsigned i = 0; i < layers; ++i) {
            write_large(layer(i), layer_bytes + i % 2 * 4096);
        }
        write_large(post(), 4'000'000);
        write_large(embedding(), vocabulary * embedding_size * 2, "\x3C\xBD\x10");
        write_program(vendor_program());
        write_text(
            folder / "main_api_axcl_x86",
            make_elf({EM_X86_64, ET_DYN, "/lib64/ld-linux-x86-64.so.2", {"libc.so.6"}, "", "", 200'000}));
        std::filesystem::permissions(folder / "main_api_axcl_x86", std::filesystem::perms::owner_all);
        write_text(folder / "config.json", "");
        write_text(folder / "post_config.json", post_config());
        write_text(script(), script_text());
        write_text(folder / "qwen3_tokenizer/tokenizer.json",
                   R"({"version": "1.0", "model": {"vocab": {}}})");
        write_text(folder / "qwen3_tokenizer/tokenizer_config.json", R"({"eos_token": "<|im_end|>"})");
        write_text(folder / "qwen3_tokenizer/vocab.json", R"({"!": 0})");
        write_text(folder / "qwen3_tokenizer/merges.txt", "#version: 0.2\n");
        write_text(folder / "README.md", "# Qwen3-4B\nhttps://www.example.org/other/Qwen3-4B\n");
        write_text(folder / "run_qwen3_4b_int8_ctx_axcl_aarch64.sh",
                   "./main_axcl_aarch64 \\\n--axmodel_num 6\n");
    }
    void make_model() {
        auto read = catalog::read_profile(std::filesystem::path(CORRAL_SOURCE_DIR) /
                                          "vendor/axera-poll/profile.toml");
        if (!read.value) {
            throw std::runtime_error("the profile does not read");
        }
        model.name = "qwen3:4b";
        model.runtime = std::move(*read.value);
        for (auto& service : model.runtime.services) {
            if (service.name == "runtime") {
                service.environment["LD_LIBRARY_PATH"] = "/usr/lib/axcl";
            }
        }
        for (const auto& variable : model.runtime.variables) {
            if (variable.fallback) {
                model.variables[variable.name] = *variable.fallback;
            }
        }
        model.package = folder;
        model.context.vocabulary = vocabulary;
        model.variables["tokenizer_script"] = "qwen3_tokenizer_uid.py";
        model.variables["runtime_program"] = "./main_api_axcl_aarch64";
        model.variables["layer_files"] = "qwen3-4b-ax650/qwen3_p128_l%d_together.axmodel";
        model.variables["layers"] = std::to_string(layers);
        model.variables["post_file"] = "qwen3-4b-ax650/qwen3_post.axmodel";
        model.variables["embedding_file"] = "qwen3-4b-ax650/model.embed_tokens.weight.bfloat16.bin";
        model.variables["embedding_size"] = std::to_string(embedding_size);
    }
};

}  // namespace corral::tests
