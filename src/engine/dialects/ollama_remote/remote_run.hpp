#pragma once
// One request at a remote server, from the look-up of its name to the last line of its answer.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corral/core/say.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"
#include "engine/dialects/ollama_remote/remote_watch.hpp"

namespace corral::engine::ollama_remote {

// Of a request whose own time is over, which says nothing of the server: the watch does not hear of it.
[[nodiscard]] chat::failure took_too_long();

class remote_run {
public:
    // All borrowed, and outlive the run.
    remote_run(remote_watch& watch, const remote_protocol& protocol, const catalog::engine_clocks& clocks,
               const core::clock_source& clock, run_sink& sink, run_control& control)
        : watch_(watch),
          protocol_(protocol),
          clocks_(clocks),
          clock_(clock),
          sink_(sink),
          control_(control) {}

    // As backend::run(), but for on_end. The watch hears of a server that failed. `likely_tokens`: of the prompt,
    // until the server has counted it.
    [[nodiscard]] core::awaitable<run_outcome> perform(run_spec spec, std::uint32_t likely_tokens);
    // It refused the prompt for its length.
    [[nodiscard]] const std::optional<streaming::context_refusal>& too_long() const noexcept {
        return too_long_;
    }

private:
    enum class step { go_on, over };
    using remote_fault = core::known_wording<core::reason>;
    [[nodiscard]] core::awaitable<step> open(const run_spec& spec, core::deadline until);
    [[nodiscard]] core::awaitable<step> connect(streaming::stream_request asked, core::deadline until);
    [[nodiscard]] core::awaitable<step> refuse(core::deadline until);
    [[nodiscard]] core::awaitable<step> read(core::deadline until);
    void take(std::vector<streaming::answer_part> parts, bool thinking);
    void take_text(std::string text);
    void take_thinking(std::string text, bool wanted);
    void give(std::string_view piece);
    void fail_by(const streaming::error_part& said);
    // The server's fault: another try, there or elsewhere, may work.
    // `words` are the server's own: for the client only.
    step lost(remote_fault how, const core::reason& message, const std::string& words = {});
    // It was not asked, unless the time of the request is over.
    step out_of_reach(core::deadline until, const core::reason& message);
    // Nothing more came: lost(), unless the time of the request is over.
    step unanswered(core::deadline until, remote_fault how, const core::reason& message);
    step failed(run_failure why);
    [[nodiscard]] core::deadline silence(core::milliseconds longest, core::deadline until) const;

    remote_watch& watch_;
    const remote_protocol& protocol_;
    const catalog::engine_clocks& clocks_;
    const core::clock_source& clock_;
    run_sink& sink_;
    run_control& control_;
    std::unique_ptr<http::reply_stream> answer_;
    std::unique_ptr<streaming::answer_reader> reader_;
    run_outcome out_;
    std::string id_;  // of the request
    std::optional<streaming::context_refusal> too_long_;
    bool ended_ = false;   // the answer said so, or failed
    bool thinks_ = false;  // the text so far ends inside of a thought
    bool wants_thought_ = false;
};

}  // namespace corral::engine::ollama_remote
