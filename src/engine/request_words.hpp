#pragma once
// The words of the last requests and answers of one backend. A runtime prints both
// (docs/facts/vendor_ax.md#standard-output), so whoever may ask can make it print what a profile knows as a sign of
// trouble; a sign that none of these words hold is the runtime's own.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/engine/backend.hpp"

namespace corral::engine {

// What one request and its answer say, bounded, and made ready as it comes to be compared with what a runtime prints: a
// printed line must not cost a walk through all of it.

// A letter or digit; all that is not ASCII counts as such.
[[nodiscard]] bool is_spoken(char c) noexcept;
// These of it alone.
[[nodiscard]] std::string bare(std::string_view text);

class spoken_text {
public:
    static constexpr std::size_t most_bytes = 256UL * 1024;
    static constexpr std::size_t least_run = 16;

    void add(std::string_view text);
    // It is, or may be, longer than what is known of it.
    [[nodiscard]] bool is_cut() const noexcept { return taken_ >= most_bytes; }
    // Remembers how far it looked for each sign, of which there are few.
    [[nodiscard]] bool holds(std::string_view bare_sign);
    // Where the first run of `least_run` letters begins that this text has too; npos: none. The time is that of the
    // line, whatever the size of the text. Misses only what is in a text that repeats itself often.
    [[nodiscard]] std::size_t run_in(std::string_view bare_line) const;

private:
    struct search {
        std::size_t until = 0;  // of bare_; what follows is not searched yet
        bool found = false;
    };

    void index();
    void put(std::size_t number);
    [[nodiscard]] std::size_t run_at(std::string_view bare_line, std::size_t at, std::size_t place) const;

    std::string bare_;
    std::size_t taken_ = 0;  // bytes of what bare_ was made of
    // Open hash table of the whole blocks of bare_, for any long run has one of them: part of the hash, and the number
    // of the block and one; 0: free.
    std::vector<std::uint32_t> blocks_;
    std::size_t indexed_ = 0;  // blocks
    std::map<std::string, search, std::less<>> searches_;
};

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
