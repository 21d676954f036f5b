#pragma once
// What the head of a GGUF file says of its model: magic "GGUF", version, counts, then typed key-value pairs
// and the places of the tensors, little-endian (docs/facts/other_runtimes.md#llama-server). No tensor is read.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::package {

// As much of a file as is looked at: vocabularies stand among the pairs.
constexpr std::size_t gguf_head_bytes = 16 * 1024 * 1024;

// Of a file that makes tokens of images or sounds for a model beside it.
constexpr std::string_view projector_architecture = "clip";

enum class gguf_detail : std::uint8_t {
    usual,
    all,  // short lists and the table of tensors too
};

struct gguf_header {
    std::uint32_t version = 0;
    std::string name;          // general.name
    std::string architecture;  // general.architecture
    std::string size_label;    // general.size_label, "4B"
    std::string file_type;     // general.file_type by name, "Q4_K_M"; empty: not given, or not a known one
    std::uint64_t context_length = 0;  // <architecture>.context_length; 0: not given
    bool embeds = false;  // it is for embeddings: <architecture>.pooling_type makes one vector of a text
    bool sees = false;    // a projector of images
    bool hears = false;   // a projector of sounds
    bool whole = false;   // all pairs and tensor places were in `head`
    // Every pair but the name, the template and long texts, as Ollama shows them: lists are null unless asked for, and
    // general.parameter_count is of the tensors.
    nlohmann::json shown = nlohmann::json::object();
    // {"name": "token_embd.weight", "type": "Q4_K", "shape": [2560, 151936]} each; empty where they are not asked for, or
    // absurd.
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    std::uint64_t least_bytes = 0;  // the file is longer than this, or tensors are missing; 0: not known
};

// Nothing when it is no GGUF of version 2 or 3, or its counts and lengths are absurd. What lies beyond the
// end of `head` is left out.
[[nodiscard]] std::optional<gguf_header> parse_gguf(std::string_view head,
                                                    gguf_detail detail = gguf_detail::usual);

// Of a file; it blocks.
[[nodiscard]] std::optional<gguf_header> read_gguf(const std::string& file,
                                                   gguf_detail detail = gguf_detail::usual);

// A number of parameters as Ollama writes it: 4.0B, 4B where it is exactly that, 1.54M, 510K.
[[nodiscard]] std::string parameter_words(std::uint64_t parameters);

}  // namespace corral::package
