#include "day/prompts.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "corral/chat/family.hpp"
#include "corral/core/text.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "generation/context_fit.hpp"

namespace corral::day {

// Control tokens, words of six letters at most with the space before them, other characters.
std::vector<std::string_view> pieces_of(std::string_view text) {
    constexpr std::size_t longest = 7;
    std::vector<std::string_view> out;
    while (!text.empty()) {
        std::size_t size = 1;
        if (text.starts_with("<|")) {
            size = text.find("|>") + 2;
        } else if (text.front() == ' ' || core::is_letter(text.front())) {
            while (size < std::min(longest, text.size()) && core::is_letter(text[size])) {
                ++size;
            }
        }
        out.push_back(text.substr(0, size));
        text.remove_prefix(size);
    }
    return out;
}

token_ids ids_of(std::string_view text) {
    token_ids out;
    for (const std::string_view piece : pieces_of(text)) {
        out.push_back(static_cast<token_ids::value_type>(std::hash<std::string_view>{}(piece)&0x7FFFFFFF));
    }
    return out;
}

chat::message message_of(chat::role from, std::string text) {
    chat::message out;
    out.from = from;
    out.content = std::move(text);
    return out;
}

prompt_maker::prompt_maker(bool as_written, bool steps) : steps_(steps) {
    backend_.context = sizes.positions;
    backend_.verbatim = true;
    how_.format = chat::find_family("qwen3");
    how_.may_be_verbatim = true;
    how_.as_written = as_written;
}

// With the room that fit_prompt leaves.
void prompt_maker::drop_one_by_one(std::vector<chat::message>& messages) const {
    constexpr std::size_t room = 1861;
    const auto at = messages.front().from == chat::role::system ? 1 : 0;
    const auto tokens = [&] {
        return pieces_of(chat::render(how_, messages, nullptr, chat::thinking_mode::off)->turns).size();
    };
    while (std::ssize(messages) > at + 2 && tokens() > room) {
        messages.erase(messages.begin() + at, messages.begin() + at + 2);
    }
}

chat::rendered_prompt prompt_maker::fit(chat::generation_request what) {
    what.thinking = chat::thinking_mode::off;
    auto whole = chat::render(how_, what.messages, nullptr, what.thinking);
    const std::uint32_t most = engine::ax_poll::most_fresh_tokens(sizes);
    if (pieces_of(whole->turns).size() <= most) {
        return *std::move(whole);
    }
    if (!steps_) {
        drop_one_by_one(what.messages);
    }
    const generation::counting count =
        [most](const chat::rendered_prompt& prompt) -> core::awaitable<core::result<engine::prompt_measure>> {
        engine::prompt_measure out;
        out.turn_tokens = static_cast<std::uint32_t>(pieces_of(prompt.turns).size());
        out.limit = most;
        out.fits = out.turn_tokens <= most;
        out.exact = true;
        co_return out;
    };
    std::optional<chat::rendered_prompt> out;
    const auto fitting = [&]() -> core::awaitable<void> {
        auto making = generation::fit_prompt(backend_, how_, what, what.messages, std::nullopt, true, {},
                                             nullptr, count);
        auto fitted = co_await std::move(making);
        if (fitted) {
            out = std::move(fitted->prompt);
        }
    };
    boost::asio::co_spawn(io_, fitting, [](const std::exception_ptr& why) {
        if (why) {
            std::rethrow_exception(why);
        }
    });
    io_.restart();
    io_.run();
    return std::move(out).value();  // nothing here is too long to be cut
}

}  // namespace corral::day
