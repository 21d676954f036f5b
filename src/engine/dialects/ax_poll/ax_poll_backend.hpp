#pragma once
// The `backend` of the polling protocol: one group of services, the tap between them, and the cycle over
// them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/dialects/ax_poll/ahead_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"
#include "engine/dialects/ax_poll/log_reader.hpp"
#include "engine/dialects/ax_poll/own_identity.hpp"
#include "engine/dialects/ax_poll/process_epochs.hpp"
#include "engine/dialects/ax_poll/proof_store.hpp"
#include "engine/dialects/ax_poll/tokenizer_tap.hpp"
#include "engine/dialects/ax_poll/verbatim_encoder.hpp"
#include "engine/group_backend.hpp"

namespace corral::engine::ax_poll {

// Where the services of a model are, once placeholders have values.
struct ax_poll_places : group_places {
    std::string tokenizer;  // its service's name; empty: none
    tokenizer_client tokenizer_calls{{}};
    std::shared_ptr<tokenizer_tap> tap;  // listening; nullptr: off
    std::uint32_t vocabulary = 0;
};

// Counts a call for as long as it lasts, whichever way it ends.
class call_mark {
public:
    explicit call_mark(unsigned& count) : count_(count) { ++count_; }
    call_mark(const call_mark&) = delete;
    call_mark& operator=(const call_mark&) = delete;
    ~call_mark() { --count_; }

private:
    unsigned& count_;
};

// Shows others the control of some work for as long as that lasts, whichever way it ends.
class shown_control {
public:
    shown_control(run_control*& at, run_control& control) : at_(at) { at_ = &control; }
    shown_control(const shown_control&) = delete;
    shown_control& operator=(const shown_control&) = delete;
    ~shown_control() { at_ = nullptr; }

private:
    run_control*& at_;
};

// What the next prompt may begin with.
struct next_prompts {
    // As its conversation would go on, if its user then said `words`; empty: not given, or not of the last run.
    chat::rendered_prompt of_conversation;
    std::string words;
    std::string owner;             // of the last run
    token_ids last;                // its prompt
    token_ids shared;              // what that had in common with the prompt before it
    core::steady_time answered{};  // the last run; zero: there was none
    core::steady_time ended{};     // ... also one aside
    bool tried = true;             // since then
    // Of the run that goes on.
    core::steady_time came{};
    bool goes_on = false;  // with the conversation of the last
    bool same_owner = false;
};

class ax_poll_backend final : public group_backend {
public:
    // Makes the group, with this as the performer of its hooks; or with `handover` takes it over, and throws
    // boost::system::system_error where that fails.
    ax_poll_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                    ax_poll_places places, const backend_handover* handover = nullptr);
    // REQUIRES: stopped, and no run goes on.
    ~ax_poll_backend() override;

    [[nodiscard]] backend_facts facts() const noexcept override;
    [[nodiscard]] backend_report report() const override;
    [[nodiscard]] learned_sizes learned() const override {
        return {.prompt_limit = sizes().prompt_limit, .chunk = sizes().chunk};
    }
    [[nodiscard]] std::size_t held_bytes(const chat::rendered_prompt& prompt,
                                         std::string_view owner) const noexcept override {
        return cycle_.held_bytes(prompt, owner);
    }
    [[nodiscard]] core::nanoseconds held_saving() const noexcept override {
        return clocks_.prefill.latest({cycle_.held_tokens(), sizes().chunk});
    }
    void expect(chat::rendered_prompt next, std::string words, std::string owner) override;
    [[nodiscard]] bool renew(const catalog::model_entry& as) override;
    [[nodiscard]] core::awaitable<core::result<prompt_measure>> measure(const chat::rendered_prompt& prompt,
                                                                        core::deadline until) override;
    [[nodiscard]] core::awaitable<core::result<prompt_measure>> count_beside(
        const chat::rendered_prompt& prompt, core::deadline until) override;
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec spec, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end) override;
    [[nodiscard]] std::optional<backend_handover> hand_over() const override;
    void start() override;
    [[nodiscard]] core::awaitable<bool> stop(core::deadline until) override;

private:
    [[nodiscard]] std::string warning() const override;
    [[nodiscard]] bool takes_verbatim() const noexcept;
    [[nodiscard]] bool computes_ahead() const noexcept;
    [[nodiscard]] reuse_report reuse() const;
    [[nodiscard]] bool keeps_nothing() const noexcept {
        return model_.runtime.traits.conversation == catalog::conversation_form::single_message;
    }
    void on_output(std::string_view service, process::output_stream stream, std::string_view bytes) override;
    void on_status(const supervisor::service_status& now) override;

    [[nodiscard]] core::awaitable<core::result<prompt_measure>> measure_verbatim(std::string text,
                                                                                 core::deadline until);
    [[nodiscard]] core::awaitable<std::optional<prompt_measure>> measure_behind(chat::rendered_prompt sent,
                                                                                core::deadline until);
    // All of a prompt goes through one encode.
    [[nodiscard]] bool reads_whole() const noexcept {
        return keeps_nothing() ||
               (places_.tap != nullptr && rule_of_reuse().on && proof_.says == reuse_proof::verdict::equal);
    }
    [[nodiscard]] core::deadline measure_limit(core::deadline until) const;
    // What counting needs of the tokenizer process, had before any request waits for it. Never fails a start, and is left
    // where the runtime of `begun` is lost.
    [[nodiscard]] core::awaitable<void> prepare_counting(process_epochs::mark begun);
    [[nodiscard]] core::awaitable<core::result<void>> self_test();
    [[nodiscard]] core::awaitable<void> quiesce(core::deadline until);
    [[nodiscard]] cycle_parts parts();
    [[nodiscard]] std::vector<pid_t> users_of_tap() const;
    [[nodiscard]] reuse_rule rule_of_reuse() const noexcept;

    // The proof of ax_poll_proof.cpp, a task for as long as it is open.
    struct proof_task;
    enum class proof_step { made, cut_short, missed };
    struct proof_turn {
        bool cut_short = false;
        bool continued = false;
        token_ids prompt;
        token_ids answer;
    };
    void begin_proof();
    void close_proof();
    void wake_proof();
    void yield_proof() const;  // somebody else wants the runtime
    void pause_proof() const;  // it is wanted at rest
    [[nodiscard]] core::awaitable<void> let_proof_end(core::deadline until);
    [[nodiscard]] core::awaitable<void> end_proof(core::deadline until);
    [[nodiscard]] core::steady_time proof_due(proof_task& task, core::steady_time since) const;
    [[nodiscard]] core::awaitable<void> prove_when_idle(std::shared_ptr<proof_task> task);
    [[nodiscard]] core::awaitable<proof_step> prove(std::shared_ptr<proof_task> task);
    [[nodiscard]] core::awaitable<proof_step> prove_behind(std::shared_ptr<proof_task> task);
    [[nodiscard]] core::awaitable<proof_step> prove_anew(std::shared_ptr<proof_task> task);
    [[nodiscard]] core::awaitable<proof_turn> play(std::shared_ptr<proof_task> task, std::string text,
                                                   std::uint32_t tokens);
    [[nodiscard]] core::awaitable<proof_place> recall_kept_proof(std::shared_ptr<proof_task> task);
    [[nodiscard]] core::awaitable<void> keep_found_proof(proof_place place);
    // ax_poll_ahead.cpp; a task for as long as something may be computed ahead.
    struct ahead_task;
    void begin_ahead();
    void close_ahead();
    void yield_ahead() const;
    [[nodiscard]] core::awaitable<void> let_ahead_end(core::deadline until);
    void note_turn(const run_spec& spec, core::steady_time came);
    void note_ended(const run_outcome& out, bool aside, core::nanoseconds waited);
    [[nodiscard]] core::steady_time ahead_due() const;
    [[nodiscard]] core::awaitable<void> compute_when_idle(std::shared_ptr<ahead_task> task);
    [[nodiscard]] core::awaitable<void> compute_ahead(std::shared_ptr<ahead_task> task);
    [[nodiscard]] core::awaitable<token_ids> beginning_of_next(std::shared_ptr<ahead_task> task);
    [[nodiscard]] core::nanoseconds reading_of(std::size_t tokens) const noexcept {
        return clocks_.prefill.latest({static_cast<std::uint32_t>(tokens), sizes().chunk});
    }
    void take_over(const backend_handover& handover);
    void restart(const act::restart& what);
    void on_intrusion(act::report_intrusion::kind kind);
    void on_tokenizer_hung();
    void on_tokenizer_ill(const core::reason& cause);
    [[nodiscard]] core::awaitable<void> examine_tokenizer(core::deadline until);
    void count_failed_starts();
    // A call of the runtime or of ours may be in the tokenizer service, which does one thing at a time.
    [[nodiscard]] bool tokenizer_in_use() const noexcept;
    [[nodiscard]] const catalog::context_sizes& sizes() const noexcept { return log_.sizes(); }

    ax_poll_places places_;
    process_epochs epochs_;
    log_reader log_;
    own_identity own_;
    verbatim_encoder verbatim_;
    bool served_ = true;          // the runtime process of now was ready once
    unsigned failed_starts_ = 0;  // in a row
    bool tap_passed_by_ = false;  // this runtime process does not use the URL it was given
    intrusion_counts intrusions_;
    reuse_report reused_;
    reuse_proof proof_;
    bool proving_ = false;                       // the runs of now are its own
    std::optional<core::steady_time> last_use_;  // by a request, since its runtime was loaded
    std::vector<std::string> runtime_words_;     // of its command
    std::shared_ptr<proof_task> proof_task_;
    ahead_policy ahead_;
    next_prompts next_;
    std::shared_ptr<ahead_task> ahead_task_;
    core::reason intrusion_;        // of this runtime process, for people
    unsigned tokenizer_calls_ = 0;  // of our own, under way
    cycle_clocks clocks_;
    cycle_runner cycle_;
};

// dialect_descriptor::make of "ax-poll".
[[nodiscard]] core::result<std::unique_ptr<backend>> make_ax_poll(
    const supervisor::supervisor_context& context, const catalog::model_entry& model);

// dialect_descriptor::adopt and ::fingerprint of "ax-poll" (ax_poll_handover.cpp).
[[nodiscard]] core::result<std::unique_ptr<backend>> adopt_ax_poll(
    const supervisor::supervisor_context& context, const catalog::model_entry& model,
    const backend_handover& handover);
[[nodiscard]] std::string fingerprint_of(const catalog::model_entry& model);

// Takes ports from the kernel where none is given and expands the templates; starts the tap where the profile
// wants it and a command has a place for it. With `handover` ports and tap are those.
[[nodiscard]] core::result<ax_poll_places> find_places(const supervisor::supervisor_context& context,
                                                       const catalog::model_entry& model,
                                                       const backend_handover* handover = nullptr);
// The services of `model` as they would be started, with a number of no meaning for each port that the kernel
// would choose.
[[nodiscard]] core::result<std::vector<supervisor::service_spec>> services_in_principle(
    const catalog::model_entry& model);

}  // namespace corral::engine::ax_poll
