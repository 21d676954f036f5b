#pragma once
// A vendor's server made to look stateless: every run starts from a runtime that is known to be idle, empty
// and reset, and ends with one that is idle and empty again, or is being restarted. One run at a time, or as
// many as the runtime keeps apart by itself.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/handover.hpp"
#include "corral/process/footprint.hpp"

namespace corral::supervisor {
class group;
}

namespace corral::engine {

struct run_spec {
    std::string id;
    chat::rendered_prompt prompt;
    chat::sampling sampling;                  // complete it from the manifest's defaults before
    std::optional<std::uint32_t> max_tokens;  // at least 1
    // "json", or a JSON Schema, for a runtime that can hold the model to it; null: nothing, as ever. What comes
    // is checked all the same.
    nlohmann::ordered_json format = nullptr;
    // Of these, room for an empty thinking block; a server that keeps its blocks to itself needs none.
    std::uint32_t block_tokens = 0;
    std::optional<std::uint32_t> top_logprobs{};  // as chat::generation_request has it
    nlohmann::json think = nullptr;  // true or a level, for a server whose model names what it takes
    core::deadline until;
    std::string owner{};  // as chat::generation_request has it: whose prefixes may be gone on with
    // Of a server that is told: where it computes the prompt, and that nothing of what is there may be used.
    std::optional<unsigned> slot{};
    bool computes_all = false;
    std::string cache_salt{};  // what was computed is shared with prompts of the same one alone
    bool expendable = false;   // once it is cancelled, nothing of it is of use to anybody
    bool aside = false;        // beside a conversation, as its title: it says nothing of what comes next
    bool whole = false;        // the client would rather be refused than have its prompt shortened, wherever
};

// What the runtime, or who stands between it and its tokenizer, says a stage took; absent: nobody says it.
struct reported_stages {
    std::optional<core::nanoseconds> tokenise;
    std::optional<core::nanoseconds> prefill;
    std::optional<core::nanoseconds> decode;
    std::optional<core::nanoseconds> detokenise;
};

// Where a run stands; counts only grow.
struct run_progress {
    chat::token_usage usage;
    bool prompt_accepted = false;         // generate was answered 200
    core::steady_time reset_confirmed{};  // zero until then, like those below
    core::steady_time generate_accepted{};
    core::steady_time first_text{};
    reported_stages stages;
    // "continued": behind what the runtime held; "ahead": behind what it computed before anybody asked; else why it
    // computed the whole prompt, a word of a fixed set. A literal; empty: nobody knows.
    std::string_view start{};
};

// Takes a run's text, in order, as the runtime gives it. Must not throw and not block; may call
// run_control::cancel().
class run_sink {
public:
    virtual ~run_sink() = default;
    virtual void on_text(std::string_view piece, const run_progress& now) = 0;
    // Before the text that they are the tokens of, if they become any.
    virtual void on_logprobs(chat::token_logprobs /*tokens*/) {}
};

// The borrower's hand on a run, from the same thread.
class run_control {
public:
    explicit run_control(const core::executor& on) : bell_(on) {}
    // The rest is not wanted: the runtime is stopped and drained. Idempotent; also before the run begins.
    void cancel() {
        cancelled_ = true;
        bell_.ring();
    }
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] core::wake_signal& bell() noexcept { return bell_; }

private:
    bool cancelled_ = false;
    core::wake_signal bell_;
};

enum class run_end {
    stop,       // the model ended its turn
    length,     // max_tokens, or the context is used up
    cancelled,  // by run_control
    failed,
};

// Causes are "runtime-died", "tokenizer-died", "prefill-stalled", "context-full" and the like. Retryable: running
// the same request again may work; whether what was given to the sink can be taken back is the borrower's to
// know. A prompt that is too long is retryable where it can be measured better now than before.
using run_failure = chat::failure;

// What the runtime met with while it worked on a run.
struct run_loss {
    enum class how { none, died, hung };
    how what = how::none;
    bool shared = false;  // another run was inside, and may be the one to blame
    std::string sentence;
};

struct run_outcome {
    run_end end = run_end::failed;
    run_progress progress;
    std::optional<run_failure> failure;  // set exactly when end == failed
    run_loss loss;                       // also after a cancel, when the runtime does not come to rest
};

enum class availability_state { stopped, loading, ready, broken };

struct availability {
    availability_state state = availability_state::stopped;
    core::reason reason;                  // empty when ready
    std::optional<double> progress;       // of a load, 0..1
    std::optional<core::seconds> left{};  // of a load, about
    std::string warning;  // what a person should repair though it works, one plain sentence; may be empty
    // When it is tried again, of one that is broken or gives a failing service a rest.
    std::optional<core::steady_time> next_try{};
    // What is left of the loads by the loads so far; of one that is ready: what the next would take.
    std::optional<core::nanoseconds> load{};
    bool renewed = false;  // it loads because its process was replaced by choice, not for a failure
    bool leaves = false;   // it is being stopped, which counts as loading: both take a while
};

// How a prompt compares with the context, before it is sent (docs/facts/vendor_ax.md#context).
struct prompt_measure {
    std::uint32_t system_tokens = 0;
    std::uint32_t turn_tokens = 0;
    std::uint32_t limit =
        0;  // system + turns that would fit with this system prompt; 0: not even the system prompt fits
    bool fits = true;
    bool exact = false;              // false: an upper bound that fits, or an estimate
    std::uint32_t image_tokens = 0;  // of the turns
};

// What a process set takes of the accelerator.
struct device_claim {
    std::vector<unsigned> cards;  // counted from 0; empty: it needs none
    std::uint64_t memory_mb = 0;  // in MiB, of all its cards together; 0: not known
    bool measured = false;        // memory_mb is what the device's own figures showed, and no estimate
    std::uint16_t port = 0;       // one set of processes at a time can have it; 0: none
};

// What other programs on this box did to its runtime, since it was made.
struct intrusion_counts {
    std::uint64_t tap_calls = 0;  // to the tokenizer tap, refused
    std::uint64_t polls = 0;      // runs of whose answer others took or gave a part
    std::uint64_t stops = 0;      // runs that were stopped by others
};

// How prompts met what the runtime held computed already.
struct reuse_report {
    std::string state;  // of the present process, such as "on"; empty: it does not hold what it computed
    std::string why;    // one plain sentence; may be empty
    // Of runs since the backend was made.
    std::uint64_t runs = 0;
    std::uint64_t continued = 0;  // did not compute their whole prompt
    std::uint64_t prompt_tokens = 0;
    std::uint64_t cached_tokens = 0;  // of these, not computed anew
    std::uint64_t mistaken = 0;       // the runtime held something else than it was taken to
    // Beginnings of prompts that were computed before anybody asked: all, those that a prompt went behind, what that
    // spared, and how long others waited for one to end.
    std::uint64_t ahead_made = 0;
    std::uint64_t ahead_hits = 0;
    core::nanoseconds ahead_saved{0};
    core::nanoseconds ahead_waited{0};
    void note(const run_progress& ended) noexcept {
        if (ended.prompt_accepted) {
            ++runs;
            continued += ended.usage.cached_tokens > 0 ? 1 : 0;
            prompt_tokens += ended.usage.prompt_tokens;
            cached_tokens += ended.usage.cached_tokens;
        }
    }
};

// Whether a runtime has become slower than itself, and what came of it.
struct speed_report {
    double slower = 0.0;         // times as long for a token as when its process was young; 0: it is not
    bool renewal_helps = true;   // as far as is known
    std::uint64_t renewals = 0;  // of its process for that, while nobody asked
    double gained = 0.0;         // times as fast by the last of them; 0: not known
};

// What a runtime holds of the things that run out, and whether it holds ever more.
struct growth_report {
    struct resource {
        process::resource which = process::resource::memory;
        double held = 0.0;      // bytes of memory, or how many
        double limit = 0.0;     // 0: none is known
        double per_hour = 0.0;  // that it keeps; 0: nothing, or it was not seen for long enough
        std::optional<core::nanoseconds>
            left{};  // until the limit at that pace; nothing: it is not on its way there
        std::optional<double> given_back{};  // by the last renewal; nothing: not known
    };
    std::vector<resource> resources;  // those that can be read, once the process has warmed up
    bool renewal_helps = true;        // as far as is known
    std::uint64_t renewals = 0;       // of its process for that
};

// What no file says and the runs so far have shown; 0: not yet.
struct learned_sizes {
    std::uint32_t prompt_limit = 0;  // tokens of a prompt
    std::uint32_t chunk = 0;         // tokens that are read at a time
    double tokens_per_letter = 0.0;  // of ASCII text
};

// Of a model, as Ollama's `show` has it.
struct model_facts {
    nlohmann::json info = nlohmann::json::object();  // "qwen2.block_count": 36; lists are null
    nlohmann::json thinking = nullptr;   // {"values": [false, "low"], "default": "low"}; null: not said
    nlohmann::json projector = nullptr;  // as `info`, of what makes tokens of images; null: there is none
    std::string format{};                // "gguf"; empty: not said
    std::string parameter_size{};
    std::string quantization{};
};

// What a runtime says of its model; empty or 0: it does not say.
struct stated_model {
    std::uint64_t size_bytes = 0;
    std::optional<std::uint64_t> accelerator_bytes{};  // of these, while it is loaded
    std::string digest;                                // 64 hex digits
    std::uint32_t embedding_length = 0;
    std::string parameter_size;  // "4.0B"
    std::string quantization;
    std::string system;  // what it reads where a conversation has no system prompt
    std::optional<std::chrono::system_clock::time_point> modified{};
    std::shared_ptr<const model_facts> facts{};  // null: none are known

    // `value` is one that the model's thinking names.
    [[nodiscard]] bool names_thinking(const nlohmann::json& value) const;
};

struct embedding_order {
    std::vector<std::string> texts;
    bool truncate = true;  // one that is too long is cut, and keeps its beginning
    core::deadline until;
};
struct embedding_result {
    std::vector<std::vector<float>> vectors;  // in the order of the texts, not normalised
    std::uint32_t prompt_tokens = 0;
};

// Causes are "no-embeddings" (it was not started for that), "text-too-long", "vectors-not-finite" and the like.
using embedding_outcome = boost::system::result<embedding_result, chat::failure>;

// Of a runtime or a model without them, in Ollama's words.
[[nodiscard]] chat::failure no_embeddings();
[[nodiscard]] core::failure counts_no_prompts();

// What a backend can do with a request.
struct backend_facts {
    std::uint32_t context_length = 0;  // tokens, as the runtime states them; 0 while unknown
    unsigned capacity = 1;             // runs that may go on at once; at least 1, and constant
    // A prompt with rendered_prompt::verbatim can be carried out, now and as long as the process lives.
    bool takes_verbatim = false;
    bool takes_schemas = false;   // it can hold an answer to run_spec::format
    bool takes_messages = false;  // it sends rendered_prompt::messages rather than the wrapped texts
    // A conversation without a system prompt needs one; else the runtime, or its model, may have its own.
    bool needs_system_prompt = true;
    bool computes_ahead = false;  // it wants to be told what to expect()
    bool tells_logprobs = false;  // how likely each token was
    bool can_embed = false;
    // Names of the chat::sampling members that reach the runtime, as the wire has them ("top_k"). What is not
    // here has no effect. The backend's own.
    std::span<const std::string_view> honoured_sampling{};
};

// How it fares, for people.
struct backend_report {
    intrusion_counts intrusions;
    reuse_report reuse;
    speed_report speed;
    growth_report growth;
};

class backend;
// Whole seconds until the first of them is tried again, at least one; nothing: none of them waits for that.
[[nodiscard]] std::optional<core::seconds> until_next_try(std::span<backend* const> all,
                                                          core::steady_time now);
// Why a request is refused while none of them serves, `why` as "backend-broken", or as "remote-away" where nothing has to
// start here.
[[nodiscard]] core::reason absence(std::span<backend* const> all, const core::reason& why);
// About how long the first of them takes to be ready again after a loss, by its loads so far; nothing: none has been
// loaded yet.
[[nodiscard]] std::optional<core::seconds> until_ready(std::span<backend* const> all, core::steady_time now);

class backend {
public:
    virtual ~backend() = default;

    [[nodiscard]] virtual const catalog::model_entry& model() const noexcept = 0;
    [[nodiscard]] virtual supervisor::group& services() noexcept = 0;

    [[nodiscard]] virtual availability available() const = 0;
    // Rings whenever available() changed.
    [[nodiscard]] virtual core::wake_signal& availability_changed() noexcept = 0;
    // Cheap: it is asked for each request.
    [[nodiscard]] virtual backend_facts facts() const noexcept = 0;
    [[nodiscard]] virtual backend_report report() const { return {}; }
    [[nodiscard]] virtual stated_model stated() const { return {}; }
    [[nodiscard]] virtual learned_sizes learned() const { return {}; }
    // How many bytes of this prompt's text the runtime holds computed already, for that owner; 0: it would
    // compute all of it. Of the wrapped and of the verbatim form alike, an estimate that nothing but the order of
    // equals depends on. Cheap: it is asked for each request that waits.
    [[nodiscard]] virtual std::size_t held_bytes(const chat::rendered_prompt& /*prompt*/,
                                                 std::string_view /*owner*/) const noexcept {
        return 0;
    }
    // What the next turn of its last conversation is spared, by what reading took so far; 0: nothing, or not known.
    [[nodiscard]] virtual core::nanoseconds held_saving() const noexcept { return core::nanoseconds{0}; }
    // It may compute the beginning of the next prompt while it has nothing to do. `next`: the prompt that
    // the conversation of the last run would come back with, if its user then said `words`, which stand
    // in its turns once. REQUIRES: the caller holds the lease.
    virtual void expect(chat::rendered_prompt /*next*/, std::string /*words*/, std::string /*owner*/) {}
    // Before its first start an estimate, or what the configuration says.
    [[nodiscard]] virtual device_claim claim() const { return {}; }
    // Takes over what of `as` is no matter of its processes: names, where else the model may run, when it is
    // loaded. False, and nothing has changed: it can't. REQUIRES: catalog::same_processes(model(), as), on
    // the same cards.
    [[nodiscard]] virtual bool renew(const catalog::model_entry& /*as*/) { return false; }
    // One vector for each text, all of one length. May be cancelled as a coroutine: the runtime stops then, or
    // ends what it has begun. REQUIRES: the caller holds the lease.
    [[nodiscard]] virtual core::awaitable<embedding_outcome> embed(embedding_order /*what*/) {
        co_return no_embeddings();
    }

    // REQUIRES: the caller holds the lease; not during a run. Asks the tokenizer only when the length of the
    // texts leaves doubt.
    [[nodiscard]] virtual core::awaitable<core::result<prompt_measure>> measure(
        const chat::rendered_prompt& prompt, core::deadline until) = 0;
    // The same for those who have no lease, while others run, in few calls that do no harm to a run.
    // Refused (errc::refused) where that can't be done now; another failure: the counting service failed,
    // and should be left alone for a while. May be called at any time; a stop does not wait for it.
    // REQUIRES: the backend outlives the call (scheduler::reader).
    [[nodiscard]] virtual core::awaitable<core::result<prompt_measure>> count_beside(
        const chat::rendered_prompt& /*prompt*/, core::deadline /*until*/) {
        co_return counts_no_prompts();
    }
    // Runs one request whole: drain, reset, confirmed idle, generate, follow, drain. Returns when the runtime
    // is idle and empty, or when it was handed to the supervisor for a restart. The end is known to `on_end`
    // (may be empty) earlier, as soon as no more text can come. Must not be cancelled as a coroutine: use
    // `control`. REQUIRES: `sink` and `control` outlive the call; at most facts().capacity runs at a time.
    [[nodiscard]] virtual core::awaitable<run_outcome> run(
        run_spec spec, run_sink& sink, run_control& control,
        std::function<void(const run_outcome&)> on_end) = 0;

    // Times that something outside of the runtime, such as a lost card, kept it from starting.
    [[nodiscard]] virtual std::uint64_t outside_faults() const { return 0; }
    // It is busy with an answer that nobody wants, until about then; nothing: it is not.
    [[nodiscard]] virtual std::optional<core::steady_time> clears_at() const { return std::nullopt; }

    // For another image of this process: nothing unless ready and at rest. Changes nothing here: the
    // descriptors stay the backend's.
    [[nodiscard]] virtual std::optional<backend_handover> hand_over() const { return std::nullopt; }

    // Starts the services, or stops them.
    virtual void start() = 0;
    [[nodiscard]] virtual core::awaitable<bool> stop(core::deadline until) = 0;
};

}  // namespace corral::engine
