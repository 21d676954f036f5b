#pragma once
// Stands between a runtime and its tokenizer service on loopback
// (docs/design.md#the-promise-of-statelessness): relays every call, knows from them what polls only hint at,
// and keeps the runtime alive through its tokenizer's death.
//
// The runtime waits 10 s for an answer and dies beyond (docs/facts/vendor_ax.md#tokenizer-trouble),
// so each call is answered before:
//   /decode          with "" as text; the ids are kept and go with the next piece, so that text stays in the
//                    order of the polls
//   /encode, /reset  with ids that do no harm; the run or reset is marked as failed and what comes of it is
//                    discarded
// The runtime knows one identity for its whole life. Behind it the tap uses one for /reset and /encode and,
// once a decode cache was found stuck (docs/facts/vendor_ax.md#tokenizer-semantics), a fresh one for /decode.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/server.hpp"
#include "engine/dialects/ax_poll/own_identity.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"
#include "engine/dialects/ax_poll/tap_peers.hpp"
#include "engine/dialects/ax_poll/tap_view.hpp"
#include "engine/dialects/ax_poll/token_ledger.hpp"
#include "engine/dialects/ax_poll/tokenizer_client.hpp"

namespace corral::engine::ax_poll {

struct tap_options {
    std::string model;                     // for the log
    core::milliseconds hold{9'000};        // a call is answered at the latest after this
    core::milliseconds pause{50};          // between tries while the tokenizer is away
    core::milliseconds piece_hold{1'000};  // a piece waits so long for a stop
};

// Calls in flight share its ownership.
class tokenizer_tap : public std::enable_shared_from_this<tokenizer_tap> {
public:
    // To be made by std::make_shared. `clock` must outlive it.
    tokenizer_tap(const core::executor& on, const core::clock_source& clock, tokenizer_client upstream,
                  tap_options options);

    // `on_event`: something in view() or tokens() changed. `on_ill`: the tokenizer gave no answer in `hold`, or
    // only useless ones, to plain texts too; a sentence says which.
    // `on_text`: the runtime gets this text for a piece (polled_text::on_answer).
    using text_listener = std::function<void(std::string_view text, bool perhaps_final)>;
    void listen_to(std::function<void()> on_event, text_listener on_text,
                   std::function<void(const core::reason&)> on_ill) {
        on_event_ = std::move(on_event);
        on_text_ = std::move(on_text);
        on_ill_ = std::move(on_ill);
    }
    // Until then none may talk to it.
    void serve_only(tap_peers::leaders runtime) { peers_->allow(std::move(runtime)); }
    [[nodiscard]] std::uint64_t refused() const noexcept { return peers_->refused(); }
    // Ends every call and forgets the listeners of events.
    void close();

    // Listens on loopback, at a port of the kernel's choice, and starts to serve.
    [[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> listen();
    // The same at a socket that an earlier image of this process listened on; taken over on success.
    [[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> listen_on(int inherited);

    // What the runtime's next calls depend on, for another image of this process. Between runs only.
    struct memory {
        int listener = -1;  // stays the tap's
        bool in_use = false;
        std::string prompt_uid;
        std::string decode_uid;
        bool prompt_uid_is_new = false;
        bool decode_uid_is_shared = false;
    };
    [[nodiscard]] memory remember() const;
    void recall(const memory& from);

    [[nodiscard]] const tap_view& view() const noexcept { return view_; }
    [[nodiscard]] const token_ledger& tokens() const noexcept { return tokens_; }

    // A longer system prompt would be written past the runtime's buffers (docs/facts/vendor_ax.md#context), an
    // id beyond the vocabulary read from outside the embedding; 0: unknown.
    void set_limits(std::uint32_t system_tokens, std::uint32_t vocabulary) noexcept {
        most_system_tokens_ = system_tokens;
        vocabulary_ = vocabulary;
    }
    // With `prescribed` the next reset and the runs after it read these ids, and the tokenizer is not asked. `system` as
    // the runtime is sent it: a reset with another is somebody else's, and leaves what this one put into the cache.
    void begin_reset(std::optional<prompt_ids> prescribed, std::string system);
    // No reset: the next run reads these ids behind what its cache holds.
    void go_on(prompt_ids prescribed);
    // Tokens beyond `limit` are answered with empty text. A run with another text than this one reads a harmless token,
    // and its text is empty; none: each run is such a one.
    void begin_run(std::optional<std::uint32_t> limit, std::optional<std::string> text);
    // Asked at each piece that can't be the end of a run: true holds its answer back until let_go()
    // (docs/facts/vendor_ax.md#decision-table).
    void hold_when(std::function<bool()> wanted) { wants_hold_ = std::move(wanted); }
    void let_go();
    // All tokens of the last run became text that was given.
    [[nodiscard]] bool text_is_whole() const noexcept {
        return open_.empty() && !open_.left_in_cache() && !cut_by_limit_;
    }
    // After a run has ended by itself: text that was never in a poll. A character that the limit cut is left out. Fails when the tokenizer does not come
    // back in time, or as soon as `unwanted` says so.
    using predicate = std::function<bool()>;
    [[nodiscard]] core::awaitable<core::result<std::string>> owed_text(core::deadline until,
                                                                       predicate unwanted);
    // Between runs: replaces an identity whose cache the last run left stuck.
    [[nodiscard]] core::awaitable<void> repair(core::deadline until);
    // The tokenizer is a new process: identities of the old one are void.
    void on_tokenizer_started();

private:
    using shared_body = tokenizer_client::shared_body;

    [[nodiscard]] static core::awaitable<bool> admit(std::weak_ptr<tokenizer_tap> tap,
                                                     std::shared_ptr<tap_peers> peers, int socket);
    void note_call_read();
    [[nodiscard]] static core::awaitable<void> serve_on(std::shared_ptr<tokenizer_tap> tap,
                                                        http::request& request, http::response_writer& out);
    [[nodiscard]] core::awaitable<void> serve(http::request& request, http::response_writer& out);
    [[nodiscard]] core::awaitable<void> refuse(unsigned status, const core::reason& what,
                                               http::response_writer& out);
    [[nodiscard]] core::awaitable<http::response> answer(std::string_view path, nlohmann::json body,
                                                         core::deadline limit);
    [[nodiscard]] core::awaitable<http::response> answer_identity(core::deadline limit);
    [[nodiscard]] core::awaitable<http::response> answer_number(std::string_view path, core::deadline limit);
    [[nodiscard]] core::awaitable<http::response> answer_reset(nlohmann::json body, core::deadline limit);
    [[nodiscard]] core::awaitable<http::response> answer_encode(nlohmann::json body, core::deadline limit);
    [[nodiscard]] http::response prescribed_reset();
    [[nodiscard]] http::response prescribed_turns(std::string_view text);
    [[nodiscard]] http::response harmless_turns();
    [[nodiscard]] core::awaitable<http::response> answer_decode(nlohmann::json body, core::deadline limit);
    [[nodiscard]] core::awaitable<void> wait_for_stop();
    void forget_last_reset();

    // One call on the identity for prompts, the last reset repeated before it where the identity is new or
    // `again` is set.
    [[nodiscard]] core::awaitable<tokenizer_answer> ask_prompt(std::string_view target, shared_body body,
                                                               tokenizer_field wanted, bool again,
                                                               core::deadline limit);
    // ask_prompt() until it is answered well, three useless answers came from a tokenizer that takes other
    // texts, or the limit.
    [[nodiscard]] core::awaitable<tokenizer_answer> insist(std::string_view target, shared_body body,
                                                           tokenizer_field wanted, core::deadline limit);
    void note_trouble(std::string_view call, const tokenizer_answer& got);
    [[nodiscard]] bool is_foreign(const nlohmann::json& body, const char* field,
                                  const std::optional<std::string>& sent, bool& hands_on);
    [[nodiscard]] core::awaitable<tokenizer_answer> fetch_identity(std::string& into, core::deadline limit);
    // Text for all that `open_` holds; nullopt when the limit came first.
    [[nodiscard]] core::awaitable<std::optional<std::string>> decode_open(core::deadline limit,
                                                                          predicate unwanted);
    [[nodiscard]] core::awaitable<void> pause() const;
    void make_server();
    void forget_prompt_identity();
    void forget_decode_identity();
    [[nodiscard]] bool in_time(core::deadline limit) const { return !limit.passed(clock_.now()); }
    void tell() const;
    // The answer to a /decode.
    [[nodiscard]] http::response piece_text(std::string text, bool perhaps_final) const;
    void tell_ill(const std::string& how) const;
    void tell_hung() const;

    const core::clock_source& clock_;
    tokenizer_client upstream_;
    tap_options options_;
    std::function<void()> on_event_;
    text_listener on_text_;
    std::function<void(const core::reason&)> on_ill_;
    core::executor on_;
    std::shared_ptr<tap_peers> peers_;
    std::unique_ptr<http::server> server_;
    tap_view view_;
    token_ledger tokens_;
    piece_assembly open_;
    std::optional<piece_assembly> before_doubt_;  // `open_` before a call that may have been the final one
    std::uint32_t most_system_tokens_ = 0;
    std::uint32_t vocabulary_ = 0;
    std::optional<prompt_ids> prescribed_;
    std::string system_sent_;
    std::optional<std::string> text_sent_;
    bool hands_on_systems_ = false;  // this runtime process, as it was sent them
    bool hands_on_prompts_ = false;
    bool foreign_decodes_ = false;  // what it has turned into text is of a foreign run
    bool reset_ordered_ = false;
    bool run_ordered_ = false;
    std::function<bool()> wants_hold_;
    core::wake_signal let_go_;
    std::optional<std::int64_t> spare_id_;  // one that the model has
    std::string prompt_uid_;
    std::string decode_uid_;
    bool prompt_uid_is_new_ = false;     // the last reset is not in it yet
    bool decode_uid_is_shared_ = false;  // the same identity as prompt_uid_
    unsigned renewals_ = 0;              // of decode_uid_ in this run
    bool cut_by_limit_ = false;          // its last character
    shared_body last_reset_;
    token_ids reset_ids_;
    own_identity probe_;  // for plain texts
};

}  // namespace corral::engine::ax_poll
