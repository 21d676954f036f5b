#include "corral/package/model_naming.hpp"

#include <algorithm>
#include <array>

#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"

namespace corral::package {

namespace {

struct model_line {
    std::string_view spelled;  // lower case; a '-' may be missing or be another separator
    std::string_view name;     // as Ollama's library calls it
    std::string_view family;   // of turns; empty: none of ours
    std::string_view also{};   // must be there too
};

// The first that fits counts: what is spelled out more comes before its beginning.
constexpr std::array lines{
    model_line{"deepseek-r1", "deepseek-r1", "deepseek-r1"},
    model_line{"qwen3", "qwen3", "qwen3-thinking", "thinking"},
    model_line{"qwen3", "qwen3", "qwen3"},
    model_line{"qwen2.5-coder", "qwen2.5-coder", "qwen2.5"},
    model_line{"qwen2.5", "qwen2.5", "qwen2.5"},
    model_line{"qwen2", "qwen2", "chatml"},
    model_line{"qwen1.5", "qwen", "chatml"},
    model_line{"minicpm4", "minicpm4", "minicpm"},
    model_line{"minicpm3", "minicpm3", "minicpm"},
    model_line{"minicpm", "minicpm", "minicpm"},
    model_line{"smollm2", "smollm2", "smollm2"},
    model_line{"llama-3.3", "llama3.3", "llama3"},
    model_line{"llama-3.2", "llama3.2", "llama3"},
    model_line{"llama-3.1", "llama3.1", "llama3"},
    model_line{"llama-3", "llama3", "llama3.0"},
    model_line{"gemma-3", "gemma3", "gemma"},
    model_line{"phi-4-mini", "phi4-mini", "phi4-mini"},
    model_line{"phi-4", "phi4", "phi4"},
    model_line{"phi-3.5", "phi3.5", "phi3"},
    model_line{"phi-3", "phi3", "phi3"},
    model_line{"internvl3", "internvl3", ""},
    model_line{"internvl2.5", "internvl2.5", ""},
    model_line{"internvl2-5", "internvl2.5", ""},
    model_line{"tinyllama", "tinyllama", ""},
    model_line{"chatglm3", "chatglm3", ""},
};

// Words that say how weights are kept, as packages write them.
constexpr std::array<std::string_view, 10> quantizations{"int8", "int4", "w8a16", "w4a16", "w8a8",
                                                         "fp16", "bf16", "q8_0",  "q4_0",  "q4_k_m"};

using core::is_digit;
using core::is_letter;

bool separates(char c) {
    return c == '-' || c == '_' || c == ' ' || c == '/' || c == '\\' || c == ':';
}

std::string lowered(std::string_view text) {
    return core::lower_case(text.substr(0, 512));
}

// Where `spelled` ends in `text`, when it begins at `from`; npos when it does not.
std::size_t end_of(std::string_view text, std::size_t from, std::string_view spelled) {
    for (const char c : spelled) {
        const bool there = from < text.size();
        if (c == '-') {
            from += there && separates(text[from]) ? 1 : 0;
        } else if (there && text[from] == c) {
            ++from;
        } else {
            return std::string_view::npos;
        }
    }
    return from;
}

// As a word of its own: neither "myqwen3", "qwen3vl" nor, for "qwen3", "qwen3.5".
bool spells(std::string_view text, std::string_view spelled) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t end = end_of(text, at, spelled);
        if (end == std::string_view::npos ||
            (at > 0 && (is_letter(text[at - 1]) || is_digit(text[at - 1])))) {
            continue;
        }
        const bool version_goes_on = end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]);
        if (end == text.size() || (!is_letter(text[end]) && !is_digit(text[end]) && !version_goes_on)) {
            return true;
        }
    }
    return false;
}

const model_line* line_of(const std::string& text) {
    const auto* const found = std::ranges::find_if(lines, [&](const model_line& one) {
        return spells(text, one.spelled) && (one.also.empty() || spells(text, one.also));
    });
    return found == lines.end() ? nullptr : &*found;
}

// "4b", "1.5b", "360m".
bool is_size(std::string_view word) {
    if (word.size() < 2 || word.size() > 6 || (word.back() != 'b' && word.back() != 'm')) {
        return false;
    }
    word.remove_suffix(1);
    return is_digit(word.front()) && is_digit(word.back()) && std::ranges::count(word, '.') <= 1 &&
           std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '.'; });
}

template <typename Test>
std::string first_word(std::string_view text, Test fits) {
    while (!text.empty()) {
        const auto end = std::ranges::find_if(text, separates);
        const auto length = static_cast<std::size_t>(end - text.begin());
        if (fits(text.substr(0, length))) {
            return std::string(text.substr(0, length));
        }
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    return {};
}

std::string raised(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return text;
}

}  // namespace

model_naming name_model(const std::vector<naming_hint>& hints) {
    model_naming out;
    std::string size;
    const model_line* line = nullptr;
    for (const naming_hint& hint : hints) {
        const std::string text = lowered(hint.text);
        if (const model_line* const found = line_of(text); found != nullptr && line == nullptr) {
            line = found;
            out.name_from = hint.where;
            out.family = found->family;
            out.family_from = hint.where;
        }
        if (size.empty()) {
            size = first_word(text, is_size);
        }
        if (out.quantization.empty()) {
            out.quantization = first_word(text, [](std::string_view word) {
                return std::ranges::find(quantizations, word) != quantizations.end();
            });
            out.quantization_from = out.quantization.empty() ? "" : hint.where;
        }
    }
    if (line != nullptr) {
        out.name = std::string(line->name) + ":" + (size.empty() ? "latest" : size);
    }
    out.parameter_size = raised(size);
    return out;
}

std::string name_of_folder(std::string_view text) {
    std::string out;
    for (const char c : lowered(text.substr(0, 70))) {
        const bool fits = is_letter(c) || is_digit(c) || c == '.' || c == '_';
        if (fits && !(out.empty() && c == '.')) {
            out += c;
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    while (!out.empty() && (out.back() == '-' || out.back() == '.')) {
        out.pop_back();
    }
    return catalog::display_name(out).value_or("model:latest");
}

}  // namespace corral::package
