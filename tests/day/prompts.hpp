#pragma once
// Prompts as Corral renders and cuts them, and a tokenizer that is played.

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"
#include "scheduler/fake_backend.hpp"

namespace corral::day {

using engine::ax_poll::token_ids;

inline constexpr catalog::context_sizes sizes{2559, 2048, 128, 0};

// The texts of a prompt's tokens.
[[nodiscard]] std::vector<std::string_view> pieces_of(std::string_view text);
[[nodiscard]] token_ids ids_of(std::string_view text);
[[nodiscard]] chat::message message_of(chat::role from, std::string text);

class prompt_maker {
public:
    // `steps`: too long ones are cut as Corral does; else their oldest turns go, one by one.
    prompt_maker(bool as_written, bool steps);
    [[nodiscard]] chat::rendered_prompt fit(chat::generation_request what);

private:
    void drop_one_by_one(std::vector<chat::message>& messages) const;

    boost::asio::io_context io_;
    test::fake_backend backend_{io_};
    chat::render_options how_;
    bool steps_;
};

}  // namespace corral::day
