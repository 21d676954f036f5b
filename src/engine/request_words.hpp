#pragma once
// The words of the last requests and answers of one backend. A runtime prints both
// (docs/facts/vendor_ax.md#standard-output), so whoever may ask can make it print what a profile knows as a sign of
// trouble; a sign that none of these words hold is the runtime's own.

#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "corral/engine/backend.hpp"
#include "engine/spoken_text.hpp"

namespace corral::engine {

class request_words {
public:
    // What one run says and hears. Gives each piece on to `next`.
    class listener final : public run_sink {
    public:
        listener(request_words& of, const chat::rendered_prompt& prompt, run_sink& next);
        void on_text(std::string_view piece, const run_progress& now) override;
        void on_logprobs(chat::token_logprobs tokens) override { next_.on_logprobs(std::move(tokens)); }

    private:
        std::shared_ptr<spoken_text> words_;
        run_sink& next_;
    };

    // Letters and digits alone are compared: the runtime may leave out or add others. Asked for each printed line that
    // has the sign, so each text is searched once for it.
    [[nodiscard]] bool hold(std::string_view sign) const;
    // Where in a printed line the words of one of these begin, at least 16 letters or digits in a row, whatever stands
    // between them; npos: they don't. Of a long one what is known counts.
    [[nodiscard]] std::size_t begin_in(std::string_view line) const;

private:
    std::deque<std::shared_ptr<spoken_text>> recent_;  // bounded, and so is each
};

}  // namespace corral::engine
