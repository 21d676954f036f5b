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

}  // namespace

int run_package(const std::vector<std::string>& args) {
    const auto options = parse(args);
    const fs::path model = options.folder / "model";
    fs::create_directories(model);
    const auto layer_text = geometry_file_text(options.geometry) + identity_text(options.identity);
    for (int i = 0; i < options.layers; ++i)
        write_file(model / ("sim_p128_l" + std::to_string(i) + "_together.axmodel"), layer_text);
    write_file(model / "sim_post.axmodel", layer_text);
    const auto embedding = model / "model.embed_tokens.weight.bfloat16.bin";
    write_file(embedding, "");
    fs::resize_file(embedding, static_cast<std::uintmax_t>(vocabulary_rows) * 2u *
                                   static_cast<std::uintmax_t>(options.embed_size));
    write_file(options.folder / "post_config.json", post_config_text);
    write_file(options.folder / "config.json", "");
    write_file(options.folder / "qwen3_tokenizer_uid.py", "");
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
