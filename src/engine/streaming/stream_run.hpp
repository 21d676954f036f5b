#pragma once
// Carries one request after another through a server that answers one POST with a stream: ask, follow, and
// bring what is not wanted any more to its end. Knows no processes; who owns them says when they are lost.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/task_group.hpp"
#include "corral/engine/backend.hpp"
#include "corral/supervisor/service_status.hpp"
#include "engine/streaming/answer_text.hpp"
#include "engine/streaming/stream_clocks.hpp"
#include "engine/streaming/stream_protocol.hpp"
#include "engine/streaming/stream_pump.hpp"

namespace corral::engine::streaming {

struct stream_parts {
    core::executor on;
    const core::clock_source* clock = nullptr;
    core::task_group* tasks = nullptr;
    const stream_protocol* protocol = nullptr;
    catalog::runtime_traits traits;
    catalog::engine_clocks clocks;
    stream_clocks* learned = nullptr;                 // not null
    unsigned capacity = 1;                            // runs at once
    std::vector<catalog::log_meaning> failing_lines;  // of the server; only where it takes one run at a time
    std::function<boost::asio::ip::tcp::endpoint()> at;
    std::shared_ptr<http::kept_connections> kept;  // null: each call has a connection of its own
    std::function<bool()> gone{};                  // the server's process, as http::stream_call has it
    // Tells what became of the server since the mark of this run; nothing: it is the same. `died`: of itself.
    std::function<std::uint64_t()> mark;
    struct lost_server {
        run_failure why;
        bool died = false;
    };
    std::function<std::optional<lost_server>(std::uint64_t mark)> lost;
    // The cause is a plain sentence; `why` is cancel or hang.
    std::function<void(core::reason cause, supervisor::restart_reason why)> restart;
    std::function<bool()> halted;                                  // the server's process, by a signal
    std::function<std::optional<core::nanoseconds>()> usual_load;  // of the server; may be empty
    // The server refused a prompt for its length. True: it can be made to fit better now.
    std::function<bool(const chat::rendered_prompt&, const context_refusal&)> too_long;
    // The server answered a prompt without a word, and counted so many tokens of it; 0: it does not count. True: it was
    // too long, and can be made to fit better now. May be empty.
    std::function<bool(const chat::rendered_prompt&, std::uint32_t counted)> unanswered;
    std::function<void(unsigned status)> format_refused;  // and is asked without it
    // How long a prompt is, as far as that is known before the server counts it; may be empty.
    std::function<std::uint32_t(const chat::rendered_prompt&)> likely_tokens;
    // True: a prompt of this owner may go without its salt, which the server refused.
    std::function<bool(const std::string& owner)> salt_refused;
};

class stream_run {
public:
    explicit stream_run(stream_parts parts);

    // backend::run(). `may_restart` false: a failed start is the supervisor's to judge.
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec spec, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end,
                                                   bool may_restart);
    // Nothing is in the server; false when the deadline came first.
    [[nodiscard]] core::awaitable<bool> come_to_rest(core::deadline until);
    [[nodiscard]] bool busy() const noexcept { return runs() > 0; }
    // As backend::clears_at().
    [[nodiscard]] std::optional<core::steady_time> clears_at() const noexcept { return clears_at_; }
    // Something may have happened to the processes.
    void on_status() { ring_all(); }
    // The server has printed it.
    void on_line(std::string_view line);

private:
    using early = std::optional<run_end>;

    struct run_state {
        run_state() = default;
        run_state(const run_state&) = delete;
        run_state& operator=(const run_state&) = delete;
        ~run_state() {
            if (pump) {
                pump->part();
            }
        }
        run_spec what;
        std::uint32_t prompt_tokens = 0;  // of `what`, estimated, for the clocks
        std::uint32_t usage_tokens = 0;   // of it, as usage has it until the server has counted the answer
        run_sink* sink = nullptr;
        run_control* control = nullptr;
        std::uint64_t began = 0;
        std::shared_ptr<stream_pump> pump;
        std::unique_ptr<answer_reader> reader;
        std::vector<answer_part> parts;
        run_progress progress;
        std::optional<run_failure> failure;
        run_loss loss;
        run_pace pace;
        std::optional<core::reason> restart_cause;
        supervisor::restart_reason restart_why = supervisor::restart_reason::hang;
        core::steady_time last_text{};
        core::nanoseconds late_then{0};  // of our loop, at the last sign of the server
        std::uint64_t meetings = 0;      // those that there had been when it began
        bool fresh = false;              // nothing of the bytes at hand was delivered yet
        answer_text text;
        early taken_end;            // of what the pump handed over
        bool asks_anew = false;     // without what was refused, at once
        bool inside = false;        // the server has the request
        bool finished = false;      // it said why it ended
        bool length = false;        // by the limit
        bool done = false;          // nothing more belongs to the answer
        bool quoted = false;        // prompt or answer hold the text of a failing line
        std::string last_text_end;  // of the answer, as long as such a text
    };

    [[nodiscard]] core::awaitable<run_end> attempt(run_state& now);
    [[nodiscard]] core::awaitable<early> ask(run_state& now, stream_request request);
    [[nodiscard]] core::awaitable<early> await_head(run_state& now);
    [[nodiscard]] core::awaitable<early> refused(run_state& now, std::string_view asked,
                                                 core::deadline until);
    [[nodiscard]] core::awaitable<run_end> follow(run_state& now);
    [[nodiscard]] core::awaitable<run_end> conclude(run_state& now);
    [[nodiscard]] core::awaitable<bool> still_listens();
    // A whole answer without a word, as some servers have it for a prompt that their context can't hold.
    [[nodiscard]] early without_a_word(run_state& now) const;
    // The server said in its log that the answer failed, or says so in a moment.
    [[nodiscard]] core::awaitable<bool> failed_inside(run_state& now);
    void look_for_quotations(run_state& now, std::string_view text) const;
    [[nodiscard]] core::awaitable<void> settle(run_state& now);
    // What becomes of an answer that is not wanted any more.
    enum class settled { ended, goes_on, hung };
    [[nodiscard]] core::awaitable<settled> bring_to_end(run_state& now);
    [[nodiscard]] core::awaitable<settled> read_to_end(run_state& now, core::deadline until);
    [[nodiscard]] core::awaitable<void> ask_to_stop(const run_state& now, core::deadline until);
    [[nodiscard]] core::awaitable<settled> comes_to_idle(const run_state& now, core::deadline until);
    [[nodiscard]] std::optional<core::steady_time> own_end(const run_state& now) const;

    [[nodiscard]] early take(run_state& now);
    [[nodiscard]] early on_part(run_state& now, const answer_part& part);
    [[nodiscard]] early deliver(run_state& now);
    [[nodiscard]] early interrupted(run_state& now) const;
    [[nodiscard]] early stalled(run_state& now) const;
    [[nodiscard]] core::awaitable<run_end> call_failed(run_state& now, core::failure why);
    void hung(run_state& now, std::string message) const;
    [[nodiscard]] static core::reason busy_with(const run_state& now, core::reason unwanted);
    [[nodiscard]] static bool refuses_salt(const run_state& now, std::string_view asked, unsigned status,
                                           std::string_view body);
    [[nodiscard]] early without_salt(run_state& now);
    // It refused the request for its contents; nothing: it is asked once more, without the format.
    [[nodiscard]] early refused_for(run_state& now, unsigned status, const error_part& error);
    run_end fail_too_long(run_state& now, const context_refusal& refusal, core::reason message) const;
    static run_end fail(run_state& now, chat::failure_kind kind, core::reason message, bool retryable);
    // What its silences were tells how quick the server is.
    void note_text(run_state& now);
    [[nodiscard]] bool alone(const run_state& now) const noexcept;
    [[nodiscard]] core::nanoseconds patience(const run_state& now) const;
    [[nodiscard]] core::deadline silence_limit(const run_state& now) const;
    [[nodiscard]] core::awaitable<void> rest(run_state& now, core::deadline until);
    void note_usage(run_state& now) const;
    void note_prompt(run_state& now, std::uint32_t tokens, std::uint32_t cached) const;
    [[nodiscard]] static std::uint32_t tokens_of_prompt(const run_spec& spec);
    [[nodiscard]] core::steady_time clock_now() const noexcept { return parts_.clock->now(); }

    stream_parts parts_;
    // The runs that go on. Whatever happens to one rings its control's bell, so that each waits for a single one.
    struct presence {
        explicit presence(const core::executor& on) : freed(on) {}
        std::vector<core::wake_signal*> bells;
        core::wake_signal freed;
    };
    class present_run;
    void ring_all();
    [[nodiscard]] std::size_t runs() const noexcept { return present_->bells.size(); }

    std::shared_ptr<presence> present_;
    const catalog::log_meaning* complaint_ = nullptr;  // about the answer of now
    std::uint64_t meetings_ = 0;                       // of a run that began with others in the server
    core::steady_time heard_{};                        // the last text, of whichever run
    std::optional<core::steady_time> clears_at_;
};

}  // namespace corral::engine::streaming
