#include "engine/dialects/ax_poll/tokenizer_tap.hpp"

#include <utility>

#include <boost/asio/ip/address_v4.hpp>

#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

// Of a decode identity in one run, before text is given up for it; a U+FFFD costs two to four.
constexpr unsigned most_renewals = 12;

http::server_options relay_limits() {
    http::server_options limits;
    limits.max_connections = 32;
    limits.idle_timeout = core::seconds{10};
    limits.spares_descriptors = false;  // what crowds come to the public door must not keep the runtime out
    return limits;
}

}  // namespace

tokenizer_tap::tokenizer_tap(const core::executor& on, const core::clock_source& clock,
                             tokenizer_client upstream, tap_options options)
    : clock_(clock),
      upstream_(std::move(upstream)),
      options_(std::move(options)),
      on_(on),
      peers_(std::make_shared<tap_peers>(clock, options_.model)),
      let_go_(on_),
      probe_(on_, upstream_) {}

void tokenizer_tap::make_server() {
    // An exchange that outlasts the tap's owner keeps the tap, not the other way round.
    auto serve_shared = [weak = weak_from_this()](http::request& request, http::response_writer& out) {
        return serve_on(weak.lock(), request, out);
    };
    server_ = std::make_unique<http::server>(
        on_, relay_limits(), std::move(serve_shared),
        [](const std::string& what) { telemetry::error(core::say("daemon.fault/tap", what)); });
    server_->admit_with(
        [weak = weak_from_this(), peers = peers_](int socket) { return admit(weak, peers, socket); });
}

core::result<boost::asio::ip::tcp::endpoint> tokenizer_tap::listen() {
    make_server();
    const boost::asio::ip::tcp::endpoint any_port(boost::asio::ip::address_v4::loopback(), 0);
    auto where = server_->listen(any_port);
    if (where) {
        server_->start();
    }
    return where;
}

core::result<boost::asio::ip::tcp::endpoint> tokenizer_tap::listen_on(int inherited) {
    make_server();
    auto where = server_->listen_on(inherited);
    if (where) {
        server_->start();
    }
    return where;
}

tokenizer_tap::memory tokenizer_tap::remember() const {
    memory out;
    const std::vector<int> listeners = server_ ? server_->listeners() : std::vector<int>{};
    out.listener = listeners.empty() ? -1 : listeners.front();
    out.in_use = view_.in_use;
    out.prompt_uid = prompt_uid_;
    out.decode_uid = open_.left_in_cache() ? std::string() : decode_uid_;
    out.prompt_uid_is_new = prompt_uid_is_new_;
    out.decode_uid_is_shared = decode_uid_is_shared_ && !out.decode_uid.empty();
    return out;
}

void tokenizer_tap::recall(const memory& from) {
    view_.in_use = from.in_use;
    prompt_uid_ = from.prompt_uid;
    decode_uid_ = from.decode_uid;
    prompt_uid_is_new_ = from.prompt_uid_is_new;
    decode_uid_is_shared_ = from.decode_uid_is_shared && decode_uid_ == prompt_uid_;
}

// A runtime makes a connection for each call. Counted before it is judged: that alone takes as long as a poll.
core::awaitable<bool> tokenizer_tap::admit(std::weak_ptr<tokenizer_tap> tap, std::shared_ptr<tap_peers> peers,
                                           int socket) {
    if (const auto now = tap.lock()) {
        ++now->view_.calls_coming;
    }
    const bool admitted = co_await peers->admits(socket);
    const auto then = tap.lock();
    if (then && !admitted) {
        then->note_call_read();
    }
    co_return admitted;
}

void tokenizer_tap::note_call_read() {
    view_.calls_coming -= view_.calls_coming > 0 ? 1U : 0U;
}

core::awaitable<void> tokenizer_tap::serve_on(std::shared_ptr<tokenizer_tap> tap, http::request& request,
                                              http::response_writer& out) {
    if (tap) {
        co_await tap->serve(request, out);
    }
}

void tokenizer_tap::close() {
    on_event_ = nullptr;
    on_text_ = nullptr;
    on_ill_ = nullptr;
    wants_hold_ = nullptr;
    let_go();
    peers_->allow(nullptr);
    if (server_) {
        server_->stop_accepting();
        server_->close_all();
    }
}

void tokenizer_tap::tell() const {
    if (on_event_) {
        on_event_();
    }
}

void tokenizer_tap::tell_ill(const std::string& how) const {
    if (on_ill_) {
        on_ill_(core::say("runtime.tokenizer-away/tokenizer-service", how));
    }
}

void tokenizer_tap::tell_hung() const {
    tell_ill("took a call and did not answer it");
}

void tokenizer_tap::begin_reset(std::optional<prompt_ids> prescribed, std::string system) {
    prescribed_ = std::move(prescribed);
    system_sent_ = std::move(system);
    forget_last_reset();
    reset_ordered_ = true;
}

void tokenizer_tap::go_on(prompt_ids prescribed) {
    prescribed_ = std::move(prescribed);
    forget_last_reset();
    reset_ordered_ = false;
    view_.reset_answered = true;
}

void tokenizer_tap::let_go() {
    view_.held_piece = 0;
    let_go_.ring();
}

void tokenizer_tap::forget_last_reset() {
    view_.foreign_ids = false;
    view_.reset_begun = false;
    view_.reset_answered = false;
    view_.reset_failed = false;
    view_.reset_too_long = false;
    view_.system_tokens = 0;
    view_.trouble = {};
    view_.text_refused = false;
}

void tokenizer_tap::begin_run(std::optional<std::uint32_t> limit, std::optional<std::string> text) {
    text_sent_ = std::move(text);
    view_.run_begun = false;
    view_.encode_answered = false;
    view_.encode_failed = false;
    view_.foreign_run = false;
    view_.trouble = {};
    view_.text_refused = false;
    view_.turn_tokens = 0;
    view_.pieces_answered = 0;
    view_.answers_lost = 0;
    view_.calls_coming = 0;  // with those that ended without a call
    view_.encode_took = core::nanoseconds{0};
    view_.decode_took = core::nanoseconds{0};
    tokens_.begin(limit);
    run_ordered_ = true;
    if (open_.left_in_cache()) {
        forget_decode_identity();
    }
    open_.clear();
    before_doubt_.reset();
    renewals_ = 0;
    cut_by_limit_ = false;
}

void tokenizer_tap::on_tokenizer_started() {
    forget_prompt_identity();
    forget_decode_identity();
    probe_.on_tokenizer_started();
}

void tokenizer_tap::forget_prompt_identity() {
    prompt_uid_.clear();
    if (decode_uid_is_shared_) {
        forget_decode_identity();
    }
}

void tokenizer_tap::forget_decode_identity() {
    decode_uid_.clear();
    decode_uid_is_shared_ = false;
    open_.on_identity_lost();
    if (before_doubt_) {
        before_doubt_->on_identity_lost();
    }
}

core::awaitable<void> tokenizer_tap::pause() const {
    co_await core::sleep_for(options_.pause);
}

// What the last try said; without a fault `into` is set.
core::awaitable<tokenizer_answer> tokenizer_tap::fetch_identity(std::string& into, core::deadline limit) {
    unsigned useless = 0;
    tokenizer_answer got;
    got.fault = into.empty() ? tokenizer_fault::timed_out : tokenizer_fault::none;
    got.said = to_string(got.fault);
    while (into.empty() && in_time(limit) && useless < 3) {
        got = co_await upstream_.get("/get_uid", tokenizer_field::uid, limit);
        if (got.fault == tokenizer_fault::none) {
            into = got.json["uid"].get<std::string>();
        } else {
            useless += got.fault == tokenizer_fault::bad_answer ? 1U : 0U;
            co_await pause();
        }
    }
    if (!into.empty()) {
        got.fault = tokenizer_fault::none;  // by another call meanwhile
    }
    co_return got;
}

core::awaitable<core::result<std::string>> tokenizer_tap::owed_text(core::deadline until,
                                                                    predicate unwanted) {
    bool left_in_cache = open_.left_in_cache();
    if (before_doubt_) {
        // The doubtful call was the final one: its text went to no poll.
        open_ = std::move(*before_doubt_);
        before_doubt_.reset();
        left_in_cache = left_in_cache || open_.left_in_cache();
    }
    if (left_in_cache) {
        forget_decode_identity();  // no later id will bring out what its cache holds
    }
    open_.add(tokens_.tail());
    std::string text;
    std::string signs;
    for (;;) {
        predicate same = unwanted;
        const std::optional<std::string> more = co_await decode_open(until, std::move(same));
        if (!more || !open_.next().empty()) {
            co_return core::make_failure(core::errc::unavailable,
                                         core::say("runtime.tokenizer-away/service-come"));
        }
        if (!more->empty()) {
            text += std::exchange(signs, {}) + *more;
        }
        if (open_.empty()) {
            break;
        }
        // What can't be decoded holds back all behind it (docs/facts/vendor_ax.md#tokenizer-semantics).
        const bool dirty = open_.left_in_cache();
        signs += open_.settle(dirty && ++renewals_ > most_renewals);
        if (dirty) {
            forget_decode_identity();
        }
    }
    if (!tokens_.limit_reached()) {
        text += signs;
    } else if (!signs.empty()) {
        cut_by_limit_ = true;
    }
    co_return text;
}

core::awaitable<void> tokenizer_tap::repair(core::deadline until) {
    if (open_.left_in_cache()) {
        forget_decode_identity();
        open_.clear();
    }
    if (view_.in_use && decode_uid_.empty() && !prompt_uid_.empty()) {
        const tokenizer_answer got = co_await fetch_identity(decode_uid_, until);
        if (got.fault != tokenizer_fault::none) {
            telemetry::warn(core::say("runtime.tokenizer-away/no-identity"));
        }
    }
}

core::awaitable<std::optional<std::string>> tokenizer_tap::decode_open(core::deadline limit,
                                                                       predicate unwanted) {
    std::string text;
    unsigned forgotten = 0;
    while (in_time(limit) && !(unwanted && unwanted())) {
        const token_ids ids = open_.next();
        if (ids.empty()) {
            co_return text;
        }
        // What is owed may wait for a tokenizer that starts again, but not for one that took a call and is silent.
        const core::deadline call = core::deadline::after(options_.hold, clock_.now()).sooner(limit);
        if (decode_uid_.empty()) {
            const tokenizer_answer fresh = co_await fetch_identity(decode_uid_, call);
            if (fresh.fault == tokenizer_fault::timed_out && in_time(limit)) {
                tell_hung();
            }
            continue;
        }
        json body = {{"token_ids", ids}, {"uid", decode_uid_}};
        const tokenizer_answer got =
            co_await upstream_.post("/decode", std::move(body), tokenizer_field::text, call);
        if (got.fault == tokenizer_fault::none) {
            text += open_.on_text(got.json["text"].get_ref<const std::string&>());
            if (open_.stuck()) {
                const bool last_resort = ++renewals_ > most_renewals;
                if (open_.one_by_one() || last_resort) {
                    text += open_.give_up(last_resort);
                }
                forget_decode_identity();
            }
        } else if (got.fault == tokenizer_fault::unknown_uid) {
            forget_decode_identity();
            if (++forgotten > 1) {
                co_await pause();
            }
        } else if (got.fault == tokenizer_fault::timed_out) {
            if (!in_time(limit)) {
                break;
            }
            tell_hung();
            forget_decode_identity();  // whether its cache has the ids is unknown
        } else {
            co_await pause();
        }
    }
    if (!text.empty()) {
        co_return text;
    }
    co_return std::nullopt;
}

}  // namespace corral::engine::ax_poll
