#include "cli/tokens/token_page.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

double milliseconds(core::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

double per_second(std::size_t tokens, core::nanoseconds span) {
    return span.count() > 0 ? static_cast<double>(tokens) / std::chrono::duration<double>(span).count() : 0.0;
}

// Spaces and line ends are what differs most often, so they show.
std::string piece_words(const std::string& piece) {
    std::string plain;
    for (const char c : piece) {
        plain += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
    }
    return piece.empty() ? "(within a character)" : "\"" + telemetry::printable(plain, 80) + "\"";
}

std::string summary_of(const tokenizer_result& of) {
    const engine::token_listing& tokens = of.said.tokens;
    return fmt::format(
        "{}: {} tokens; encoded in {:.1f} ms ({:.0f} tokens/s), decoded one by one at {:.0f} tokens/s, "
        "started in {:.1f} s\n",
        of.model, tokens.ids.size(), milliseconds(tokens.encoding),
        per_second(tokens.ids.size(), tokens.encoding), per_second(tokens.ids.size(), tokens.decoding),
        milliseconds(of.said.start) / 1000);
}

std::string row_of(const engine::token_listing& tokens, std::size_t at) {
    return at < tokens.ids.size() ? fmt::format("{:>8}  {}", tokens.ids[at], piece_words(tokens.pieces[at]))
                                  : std::string("    none");
}

template <typename Value>
std::optional<std::size_t> first_other(const std::vector<Value>& left, const std::vector<Value>& right) {
    const auto [one, other] = std::ranges::mismatch(left, right);
    if (one == left.end() && other == right.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(one - left.begin());
}

std::string comparison_of(const tokenizer_result& left, const tokenizer_result& right) {
    const token_differences first = differences_of(left.said.tokens, right.said.tokens);
    if (!first.piece && !first.id) {
        return "Both are the same, in text and ids.\n";
    }
    if (!first.piece) {
        return fmt::format(
            "Both cut the text alike; the first other id is at token {}:\n  {}  {}\n  {}  {}\n", *first.id,
            row_of(left.said.tokens, *first.id), left.model, row_of(right.said.tokens, *first.id),
            right.model);
    }
    return fmt::format("The first difference is at token {}:\n  {}  {}\n  {}  {}\n", *first.piece,
                       row_of(left.said.tokens, *first.piece), left.model,
                       row_of(right.said.tokens, *first.piece), right.model);
}

}  // namespace

token_differences differences_of(const engine::token_listing& left, const engine::token_listing& right) {
    return {first_other(left.pieces, right.pieces), first_other(left.ids, right.ids)};
}

std::string token_page(const std::vector<tokenizer_result>& all, bool count_only) {
    std::string out;
    if (!count_only && all.size() == 1) {
        const engine::token_listing& tokens = all.front().said.tokens;
        for (std::size_t at = 0; at < tokens.ids.size(); ++at) {
            out += fmt::format("{:>6}  {}\n", at, row_of(tokens, at));
        }
    }
    for (const tokenizer_result& one : all) {
        out += summary_of(one);
    }
    return all.size() == 2 ? out + comparison_of(all.front(), all.back()) : out;
}

json token_json(const std::vector<tokenizer_result>& all) {
    json out{{"tokenizers", json::array()}};
    for (const tokenizer_result& one : all) {
        const engine::token_listing& tokens = one.said.tokens;
        out["tokenizers"].push_back({{"model", one.model},
                                     {"count", tokens.ids.size()},
                                     {"ids", tokens.ids},
                                     {"pieces", tokens.pieces},
                                     {"start_ms", milliseconds(one.said.start)},
                                     {"encode_ms", milliseconds(tokens.encoding)},
                                     {"decode_ms", milliseconds(tokens.decoding)}});
    }
    if (all.size() == 2) {
        const token_differences first = differences_of(all.front().said.tokens, all.back().said.tokens);
        const auto place = [](const std::optional<std::size_t>& at) {
            return at ? json(*at) : json(nullptr);
        };
        out["first_difference"] = {{"piece", place(first.piece)}, {"id", place(first.id)}};
    }
    return out;
}

}  // namespace corral::cli
