#include "engine/streaming/stated_logprobs.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace corral::engine::streaming {

namespace {

using nlohmann::json;

constexpr std::size_t longest_token = 1024;

// What can't be is as good as never; servers say so with numbers of their own.
std::optional<double> logprob_of(const json& value) {
    constexpr double never = -9999;
    if (!value.is_number()) {
        return std::nullopt;
    }
    const auto said = value.get<double>();
    return std::isnan(said) ? never : std::clamp(said, never, 0.0);
}

// Where a token is a part of a character, only its bytes say which.
std::optional<std::string> bytes_in(const json& token) {
    const auto bytes = token.find("bytes");
    if (bytes == token.end() || !bytes->is_array() || bytes->empty() || bytes->size() > longest_token) {
        return std::nullopt;
    }
    std::string out;
    for (const json& each : *bytes) {
        constexpr int most = 255;
        if (!each.is_number_integer() || each < 0 || each > most) {
            return std::nullopt;
        }
        out += static_cast<char>(each.get<unsigned>());
    }
    return out;
}

std::optional<chat::token_chance> chance_in(const json& token) {
    if (!token.is_object()) {
        return std::nullopt;
    }
    const auto value = token.find("logprob");
    const auto logprob = value == token.end() ? std::nullopt : logprob_of(*value);
    if (!logprob) {
        return std::nullopt;
    }
    auto bytes = bytes_in(token);
    if (const auto text = token.find("token"); !bytes && text != token.end() && text->is_string()) {
        bytes = text->get<std::string>().substr(0, longest_token);
    }
    return bytes ? std::optional(chat::token_chance{std::move(*bytes), *logprob}) : std::nullopt;
}

const json& member(const json& object, const char* key) {
    static const json nothing = json::array();
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() || !found->is_array() ? nothing : *found;
}

}  // namespace

chat::token_logprobs logprobs_in(const json& list, std::size_t most) {
    chat::token_logprobs out;
    if (!list.is_array()) {
        return out;
    }
    for (const json& each : list) {
        auto written = chance_in(each);
        if (!written) {
            continue;
        }
        chat::token_logprob token{std::move(*written), {}};
        for (const json& other : member(each, "top_logprobs")) {
            auto chance = token.likeliest.size() < most ? chance_in(other) : std::nullopt;
            if (chance) {
                token.likeliest.push_back(std::move(*chance));
            }
        }
        out.push_back(std::move(token));
    }
    return out;
}

chat::token_logprobs completion_logprobs_in(const json& object, std::size_t most) {
    chat::token_logprobs out;
    const json& tokens = member(object, "tokens");
    const json& values = member(object, "token_logprobs");
    const json& tops = member(object, "top_logprobs");
    for (std::size_t i = 0; i < std::min(tokens.size(), values.size()); ++i) {
        const auto logprob = logprob_of(values[i]);
        if (!logprob || !tokens[i].is_string()) {
            continue;
        }
        chat::token_logprob token{{tokens[i].get<std::string>().substr(0, longest_token), *logprob}, {}};
        if (i < tops.size() && tops[i].is_object()) {
            for (const auto& [text, value] : tops[i].items()) {
                if (const auto chance = logprob_of(value)) {
                    token.likeliest.push_back({text.substr(0, longest_token), *chance});
                }
            }
            // An object has no order.
            std::ranges::stable_sort(token.likeliest, std::ranges::greater{}, &chat::token_chance::logprob);
            token.likeliest.resize(std::min(token.likeliest.size(), most));
        }
        out.push_back(std::move(token));
    }
    return out;
}

}  // namespace corral::engine::streaming
