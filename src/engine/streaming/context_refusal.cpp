#include "engine/streaming/context_refusal.hpp"

#include <array>
#include <charconv>
#include <string>

#include "corral/core/stated_number.hpp"
#include "corral/core/text.hpp"

namespace corral::engine::streaming {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::uint32_t number_in(std::string_view digits) {
    std::uint32_t out = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return read.ec == std::errc() && out <= core::most_stated ? out : 0;
}

std::uint32_t number_after(std::string_view text, std::string_view words) {
    const std::size_t at = text.find(words);
    return at == std::string_view::npos ? 0 : number_in(text.substr(at + words.size()));
}

std::uint32_t number_before(std::string_view text, std::string_view words) {
    const std::size_t end = text.find(words);
    if (end == std::string_view::npos) {
        return 0;
    }
    std::size_t begin = end;
    while (begin > 0 && is_digit(text[begin - 1])) {
        --begin;
    }
    return number_in(text.substr(begin, end - begin));
}

// The first that says a number, most particular first.
template <typename Look, std::size_t Count>
std::uint32_t first_of(std::string_view text, const std::array<std::string_view, Count>& words, Look look) {
    for (const std::string_view each : words) {
        if (const std::uint32_t found = look(text, each)) {
            return found;
        }
    }
    return 0;
}

constexpr std::array<std::string_view, 7> names{
    "context length",   "context size",     "longer than the context", "too large to process",
    "maxinputtokenlen", "超过模型长度上限", "prompt too long"};
constexpr std::array<std::string_view, 5> counted_before{
    " in the messages", " in your prompt", " input tokens", " tokens) exceeds", " tokens long:"};
constexpr std::array<std::string_view, 3> counted_after{"resulted in ", "input token length ", "requested "};
constexpr std::array<std::string_view, 5> limits{"maximum context length is ", "context length is only ",
                                                 "context size (", "there is room for ", "maxinputtokenlen "};

}  // namespace

std::optional<context_refusal> context_refusal_in(const nlohmann::json& error, std::string_view sentence) {
    const std::string words = core::lower_case(sentence);
    const bool object = error.is_object();
    const auto type = object ? error.find("type") : error.end();
    bool about_context = object && type != error.end() && *type == "exceed_context_size_error";
    for (const std::string_view name : names) {
        about_context = about_context || words.find(name) != std::string::npos;
    }
    if (!about_context) {
        return std::nullopt;
    }
    context_refusal out;
    out.tokens = object ? core::stated_count(error, "n_prompt_tokens").value_or(0) : 0;
    out.limit = object ? core::stated_count(error, "n_ctx").value_or(0) : 0;
    if (out.tokens == 0) {
        out.tokens = first_of(words, counted_before, number_before);
    }
    if (out.tokens == 0) {
        out.tokens = first_of(words, counted_after, number_after);
    }
    if (out.limit == 0) {
        out.limit = first_of(words, limits, number_after);
    }
    // A server that reads no further than its context counts no further either.
    out.at_least = words.find("at least") != std::string::npos ||
                   words.find("maximum input length") != std::string::npos;
    return out;
}

}  // namespace corral::engine::streaming
