#pragma once
// How long prompts are for one server: its own count where it offers one, else an estimate that learns from the
// counts in its answers and refusals (docs/long_prompts.md#how-long-a-prompt-is).

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/worker.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/kept_connections.hpp"
#include "engine/streaming/context_refusal.hpp"
#include "engine/streaming/stream_protocol.hpp"
#include "engine/streaming/token_estimate.hpp"

namespace corral::engine::streaming {

struct sizes_parts {
    const core::clock_source* clock = nullptr;  // not null
    const stream_protocol* protocol =
        nullptr;                 // null: none can be asked; asked about long prompts on a thread
    core::milliseconds call{0};  // how long a question may take
    std::function<boost::asio::ip::tcp::endpoint()> at;
    std::shared_ptr<http::kept_connections> kept{};  // null: each call has a connection of its own
    std::function<bool()> gone{};                    // the server's process, as http::stream_call has it
    std::string label;                               // of the model, for the log
    std::function<std::uint32_t()> image_tokens{};   // of an image that was never counted
    bool counts_may_be_low = false;                  // as token_estimate
};

class prompt_sizes {
public:
    explicit prompt_sizes(sizes_parts parts)
        : parts_(std::move(parts)), estimate_(!parts_.counts_may_be_low) {}

    // As backend::measure(). The server is asked only when the length of the texts leaves doubt; where that fails
    // the estimate stands. `limit`: tokens of a prompt, 0 unknown.
    [[nodiscard]] core::awaitable<prompt_measure> measure(const chat::rendered_prompt& prompt,
                                                          std::uint32_t limit, core::deadline until);
    // Exactly, as the server counts, but for images, which count as far as they are known; nothing where it can't be
    // asked, or does not answer.
    [[nodiscard]] core::awaitable<std::optional<std::uint32_t>> count(chat::rendered_prompt prompt,
                                                                      core::deadline until);
    // Whatever the text is, it takes no more; images count as far as they are known.
    [[nodiscard]] std::uint64_t most_tokens(const chat::rendered_prompt& prompt) const;
    // Its answer counted the prompt.
    void counted(const chat::rendered_prompt& prompt, std::uint32_t tokens, std::uint32_t limit);
    // It refused the prompt. True: more is known now than when it was sent, so it can be made to fit.
    bool refused(const chat::rendered_prompt& prompt, const context_refusal& refusal, std::uint32_t limit);
    // It answered the prompt without a word; `counted`: its tokens as that answer has them, 0 where it has not. True: it
    // is, or may well be, too long, and is taken for that from now on.
    bool unanswered(const chat::rendered_prompt& prompt, std::uint32_t counted, std::uint32_t limit);
    // Exactly, from a question, an answer or a refusal of late.
    [[nodiscard]] std::optional<std::uint32_t> known(const chat::rendered_prompt& prompt) const;
    // The server said so before anything was sent.
    void note_stated(const stated_sizes& sizes);
    // Its longest prompt as it said; 0: it did not.
    [[nodiscard]] std::uint32_t stated_prompt() const noexcept { return stated_prompt_; }
    // The context, where the server said that it is shorter than thought.
    [[nodiscard]] std::uint32_t context(std::uint32_t configured) const noexcept;
    // The same, or else an estimate.
    [[nodiscard]] std::uint32_t likely(const chat::rendered_prompt& prompt) const;
    // Of ASCII text, as counted so far; 0: nothing was.
    [[nodiscard]] double tokens_per_letter() const noexcept { return estimate_.of_a_letter(); }
    // Another process, which may be of another version and started otherwise.
    void forget_server();

private:
    struct exact_size {
        std::size_t mark = 0;
        std::uint32_t tokens = 0;
    };
    struct text_look {
        text_shape system;
        text_shape turns;
        std::size_t mark = 0;
    };
    // At the texts of `prompt`, which outlives the call.
    [[nodiscard]] core::awaitable<text_look> look_at(const chat::rendered_prompt& prompt);
    // Of its texts, and of the whole.
    [[nodiscard]] static std::size_t mark_of(const chat::rendered_prompt& prompt);
    [[nodiscard]] static std::size_t with_images(std::size_t texts, const chat::image_list& images);
    [[nodiscard]] std::optional<std::uint32_t> known(std::size_t texts, const chat::image_list& images) const;
    [[nodiscard]] std::optional<std::uint32_t> remembered(std::size_t mark) const;
    [[nodiscard]] image_estimate::guess images_in(const chat::image_list& images) const;
    void learn(const chat::rendered_prompt& prompt, const chat::image_list& images, std::uint32_t tokens);
    [[nodiscard]] core::awaitable<std::optional<std::uint32_t>> ask(chat::rendered_prompt prompt,
                                                                    core::deadline until);
    void remember(std::size_t mark, std::uint32_t tokens);
    [[nodiscard]] std::uint32_t estimated(const chat::rendered_prompt& prompt) const;

    sizes_parts parts_;
    token_estimate estimate_;
    image_estimate images_;
    std::deque<exact_size> exact_;      // newest last
    std::uint32_t stated_context_ = 0;  // 0: none was stated
    std::uint32_t stated_prompt_ = 0;   // the same
    core::steady_time asks_again_{};    // it failed to count
    // For long prompts. Last: its end waits for what uses the others.
    std::unique_ptr<core::worker> thread_ = std::make_unique<core::worker>();
};

}  // namespace corral::engine::streaming
