#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "programs.hpp"
#include "runtime/model_files.hpp"
#include "vocabulary.hpp"

namespace corral::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* post_config_text = R"({
    "enable_temperature" : false,
    "temperature" : 0.9,

    "enable_repetition_penalty" : false,
    "repetition_penalty" : 1.2,
    "penalty_window" : 20,

    "enable_top_p_sampling" : false,
    "top_p" : 0.8,

    "enable_top_k_sampling" : true,
    "top_k" : 1
}
)";

// Starts the program beside it as the tokenizer. The words of the original's text that others look for are
// here too: its routes, and what it appends to every turn.
constexpr const char* tokenizer_text = R"(# Stands in for the vendor's tokenizer service: corral-sim plays it.
# GET /get_uid /bos_id?uid= /eos_id?uid=, POST /encode /decode /reset; every user turn ends with /no_think
import argparse
import os

parser = argparse.ArgumentParser()
parser.add_argument("--host", type=str, default="0.0.0.0")
parser.add_argument("--port", type=int, default=12345)
args = parser.parse_args()
program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "PROGRAM")
os.execv(program, ["corral-sim-tokenizer", "--host", args.host, "--port", str(args.port)])
)";

// Layer files of a real package have megabytes; less is taken for a broken download.
constexpr std::uintmax_t layer_bytes = 2u * 1024 * 1024;

struct package_options {
    fs::path folder;
    int layers = 4;
    int embed_size = 8;
    geometry_options geometry;
    package_identity identity;
};

int number(const std::string& flag, const std::string& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value <= 0)
        throw scenario_error(flag + " needs a positive number, not '" + text + "'");
    return value;
}

std::vector<int> numbers(const std::string& flag, const std::string& text) {
    std::vector<int> out;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        out.push_back(number(flag, text.substr(begin, end - begin)));
        if (out.size() > 1 && out.back() <= out[out.size() - 2]) throw scenario_error(flag + " must rise");
        begin = end + 1;
    }
    return out;
}

package_options parse(const std::vector<std::string>& args) {
    package_options out;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const auto& flag = args[i];
        if (!flag.starts_with("--")) {
            out.folder = flag;
            continue;
        }
        if (i + 1 >= args.size()) throw scenario_error(flag + " needs a value");
        const auto& value = args[++i];
        if (flag == "--layers")
            out.layers = number(flag, value);
        else if (flag == "--embed-size")
            out.embed_size = number(flag, value);
        else if (flag == "--max-token-len")
            out.geometry.max_token_len = number(flag, value);
        else if (flag == "--chunk")
            out.geometry.chunk = number(flag, value);
        else if (flag == "--groups")
            out.geometry.groups = numbers(flag, value);
        else if (flag == "--kv-size")
            out.geometry.kv_cache_size = number(flag, value);
        else if (flag == "--name")
            out.identity.name = value;
        else if (flag == "--device-mib")
            out.identity.device_mib = number(flag, value);
        else
            throw scenario_error("unknown option " + flag + "; nearest is " +
                                 nearest_word(flag, {"--layers", "--embed-size", "--max-token-len", "--chunk",
                                                     "--groups", "--kv-size", "--name", "--device-mib"}));
    }
    if (out.folder.empty()) throw scenario_error("package needs a folder");
    return out;
}

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    if (!file.flush()) throw scenario_error(path.string() + ": cannot be written");
}

// Sparse but for what is written: its last byte is, as of a file that has come to its end.
void write_large_file(const fs::path& path, const std::string& text, std::uintmax_t size) {
    write_file(path, text);
    fs::resize_file(path, std::max<std::uintmax_t>(size, text.size() + 1));
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-1, std::ios::end);
    file.put('\n');
    if (!file.flush()) throw scenario_error(path.string() + ": cannot be written");
}

// The server of this machine, as the vendor calls it.
const char* server_name() {
    struct utsname machine {};
    uname(&machine);
    return std::string_view(machine.machine) == "aarch64" ? "main_api_axcl_aarch64" : "main_api_axcl_x86";
}

std::string run_script(const std::string& program, const package_options& options, const std::string& last) {
    return "./" + program +
           " \\\n"
           "--system_prompt \"You are Qwen, created by Alibaba Cloud. You are a helpful assistant.\" \\\n"
           "--template_filename_axmodel \"model/sim_p128_l%d_together.axmodel\" \\\n"
           "--axmodel_num " +
           std::to_string(options.layers) +
           " \\\n"
           "--url_tokenizer_model \"http://127.0.0.1:12345\" \\\n"
           "--filename_post_axmodel model/sim_post.axmodel \\\n"
           "--filename_tokens_embed model/model.embed_tokens.weight.bfloat16.bin \\\n"
           "--tokens_embed_num " +
           std::to_string(vocabulary_rows) +
           " \\\n"
           "--tokens_embed_size " +
           std::to_string(options.embed_size) +
           " \\\n"
           "--use_mmap_load_embed 1 " +
           last +
           "\n\n"
           "# --system_prompt \"You are a pirate.\" \\\n"
           "# --kvcache_path ./kvcache \\\n";
}

// Scripts and programs as they lie in the vendor's folders; only this machine's server is there.
void write_scripts(const package_options& options) {
    const std::string server = server_name();
    write_file(options.folder / "run_sim_int8_ctx_ax650.sh",
               run_script("main_ax650", options, "\\\n--live_print 1"));
    for (const char* card : {"axcl_aarch64", "axcl_x86"})
        write_file(options.folder / ("run_sim_int8_ctx_" + std::string(card) + ".sh"),
                   run_script("main_" + std::string(card), options, "\\\n--live_print 1 \\\n--devices 0"));
    write_file(options.folder / "run_sim_int8_ctx_axcl_x86_api.sh",
               run_script("main_api_axcl_x86", options, "\\\n--devices 0"));
    std::string tokenizer = tokenizer_text;
    tokenizer.replace(tokenizer.find("PROGRAM"), 7, server);
    write_file(options.folder / "qwen3_tokenizer_uid.py", tokenizer);
    // By its name: under an emulator /proc/self/exe, opened, is the program, and its size is the emulator's.
    fs::copy_file(fs::read_symlink("/proc/self/exe"), options.folder / server,
                  fs::copy_options::overwrite_existing);
    fs::permissions(options.folder / server, static_cast<fs::perms>(0755));
}

}  // namespace

int run_package(const std::vector<std::string>& args) {
    const auto options = parse(args);
    const fs::path model = options.folder / "model";
    fs::create_directories(model);
    const auto layer_text = geometry_file_text(options.geometry) + identity_text(options.identity);
    for (int i = 0; i < options.layers; ++i)
        write_large_file(model / ("sim_p128_l" + std::to_string(i) + "_together.axmodel"), layer_text,
                         layer_bytes);
    write_large_file(model / "sim_post.axmodel", layer_text, layer_bytes);
    write_large_file(
        model / "model.embed_tokens.weight.bfloat16.bin", "\x3C\xBD",
        static_cast<std::uintmax_t>(vocabulary_rows) * 2u * static_cast<std::uintmax_t>(options.embed_size));
    write_file(options.folder / "post_config.json", post_config_text);
    write_file(options.folder / "config.json", "");
    write_scripts(options);
    std::printf(
        "--template_filename_axmodel model/sim_p128_l%%d_together.axmodel --filename_post_axmodel "
        "model/sim_post.axmodel "
        "--filename_tokens_embed model/model.embed_tokens.weight.bfloat16.bin --axmodel_num %d "
        "--tokens_embed_num %d "
        "--tokens_embed_size %d\n",
        options.layers, vocabulary_rows, options.embed_size);
    return 0;
}

}  // namespace corral::sim
