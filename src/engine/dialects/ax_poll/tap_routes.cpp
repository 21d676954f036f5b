// The relayed routes of the tap (docs/facts/vendor_ax.md#tokenizer-calls).
#include <algorithm>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/tokenizer_tap.hpp"

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

constexpr unsigned most_useless = 3;
constexpr std::size_t harmless_ids = 16;

http::response ok(std::string body) {
    http::response out;
    out.content_type = "application/json";
    out.body = std::move(body);
    return out;
}

// The runtime survives a 500 to /reset and /encode (docs/facts/vendor_ax.md#tokenizer-trouble).
http::response refusal() {
    http::response out = ok("{}");
    out.status = 500;
    return out;
}

// Quicker than by a tree, for a prompt that fills a large context.
std::string list_text(const token_ids& ids) {
    std::string out = "[";
    for (const std::int64_t id : ids) {
        out += (out.size() > 1 ? "," : "") + std::to_string(id);
    }
    return out += ']';
}

// With U+FFFD in the place of what is no UTF-8, as the runtime is sent it.
std::string dumped(const json& text) {
    return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A runtime has its prompts' and answers' ids in one body; a prompt's text is what Corral itself sent.
std::size_t most_bytes(std::string_view path) {
    constexpr std::size_t ids = 2UL * 1024 * 1024;
    constexpr std::size_t texts = 16UL * 1024 * 1024;
    return path == "/decode" ? ids : texts;
}

// No runtime sends an Origin, and all call the tap by an address of loopback; a page in a browser on this box can do
// neither, whatever name its server has given to loopback.
bool is_of_a_browser(const http::header_fields& headers) {
    const std::string_view host = headers.find("Host");
    const std::string_view name = host.substr(0, host.rfind(':'));
    return headers.contains("Origin") || headers.contains("Sec-Fetch-Site") ||
           (!host.empty() && name != "127.0.0.1" && name != "localhost");
}

// Counts the calls in which the runtime waits for us, whatever way they end.
class open_call {
public:
    explicit open_call(unsigned& count) : count_(count) { ++count_; }
    open_call(const open_call&) = delete;
    open_call& operator=(const open_call&) = delete;
    ~open_call() { --count_; }

private:
    unsigned& count_;
};

}  // namespace

core::awaitable<void> tokenizer_tap::refuse(unsigned status, const core::reason& what,
                                            http::response_writer& out) {
    peers_->note_refusal(what);
    http::response whole;
    whole.status = status;
    const core::error_code gone = co_await out.send(std::move(whole));
    if (gone) {
        telemetry::log().debug("tokenizer tap: the caller did not wait for a refusal: {}", gone.message());
    }
}

core::awaitable<void> tokenizer_tap::serve(http::request& request, http::response_writer& out) {
    if (is_of_a_browser(request.headers)) {
        const core::reason what = core::say("runtime.foreign-talk/page");
        co_await refuse(403, what, out);
        co_return;
    }
    if (request.body.size() > most_bytes(request.path)) {
        const core::reason what = core::say("runtime.foreign-talk/too-long");
        co_await refuse(413, what, out);
        co_return;
    }
    const open_call counted(view_.calls_open);
    const core::steady_time came = clock_.now();
    const core::deadline limit = core::deadline::after(options_.hold, came);
    json body = json::object();
    if (request.method == "POST") {
        const auto text = std::make_shared<const std::string>(std::move(request.body));
        std::function<json()> work = [text] { return core::parse_json(*text); };
        auto reading = tokenizer_client::beside(upstream_.threads(), text->size(), std::move(work));
        body = co_await std::move(reading);
    }
    const std::string path = request.path;
    note_call_read();
    http::response whole;
    if (body.is_object()) {
        whole = co_await answer(path, std::move(body), limit);
    } else {
        whole.status = 400;
    }
    const core::nanoseconds took = clock_.now() - came;
    if (path == "/decode") {
        ++view_.pieces_answered;
        view_.decode_took += took;
    } else if (path == "/encode") {
        view_.encode_took = took;
    }
    const core::error_code gone = co_await out.send(std::move(whole));
    if (gone) {
        view_.answers_lost += path == "/decode" ? 1 : 0;
        telemetry::log().debug("tokenizer tap: the runtime left before the answer to {}: {}", path,
                               gone.message());
    }
    view_.last_answer = clock_.now();
    view_.waited += view_.last_answer - came;
    tell();
}

core::awaitable<http::response> tokenizer_tap::answer(std::string_view path, json body,
                                                      core::deadline limit) {
    if (path == "/decode") {
        co_return co_await answer_decode(std::move(body), limit);
    }
    if (path == "/encode") {
        co_return co_await answer_encode(std::move(body), limit);
    }
    if (path == "/reset") {
        co_return co_await answer_reset(std::move(body), limit);
    }
    if (path == "/get_uid") {
        co_return co_await answer_identity(limit);
    }
    if (path == "/bos_id" || path == "/eos_id") {
        co_return co_await answer_number(path, limit);
    }
    http::response none;
    none.status = 404;
    co_return none;
}

core::awaitable<http::response> tokenizer_tap::answer_identity(core::deadline limit) {
    // A new runtime process: nothing that the old one said is in its memory.
    const unsigned calls_open = view_.calls_open;
    const std::uint64_t strays = view_.strays;
    view_ = {};
    view_.in_use = true;
    view_.strays = strays + 1;
    view_.calls_open = calls_open;
    forget_prompt_identity();
    forget_decode_identity();
    open_.clear();
    prescribed_.reset();
    last_reset_.reset();
    reset_ids_.clear();
    prompt_uid_is_new_ = false;
    hands_on_systems_ = false;
    hands_on_prompts_ = false;
    foreign_decodes_ = false;
    const tokenizer_answer got = co_await fetch_identity(prompt_uid_, limit);
    if (got.fault != tokenizer_fault::none) {
        if (!in_time(limit)) {
            tell_hung();
        }
        co_return ok("");  // the runtime asks again (docs/facts/vendor_ax.md#start-failures)
    }
    decode_uid_ = prompt_uid_;
    decode_uid_is_shared_ = true;
    co_return ok(json{{"uid", prompt_uid_}}.dump());
}

core::awaitable<http::response> tokenizer_tap::answer_number(std::string_view path, core::deadline limit) {
    while (in_time(limit)) {
        const tokenizer_answer known = co_await fetch_identity(prompt_uid_, limit);
        if (known.fault != tokenizer_fault::none) {
            break;
        }
        const std::string target = std::string(path) + "?uid=" + prompt_uid_;
        tokenizer_answer got = co_await upstream_.get(target, tokenizer_field::number, limit);
        if (got.fault == tokenizer_fault::unknown_uid) {
            forget_prompt_identity();
        } else if (got.fault == tokenizer_fault::unreachable) {
            co_await pause();
        } else {
            co_return ok(std::move(got.body));
        }
    }
    co_return ok("");
}

core::awaitable<tokenizer_answer> tokenizer_tap::ask_prompt(std::string_view target, shared_body body,
                                                            tokenizer_field wanted, bool again,
                                                            core::deadline limit) {
    if (prompt_uid_.empty()) {
        tokenizer_answer fresh = co_await fetch_identity(prompt_uid_, limit);
        if (fresh.fault != tokenizer_fault::none) {
            co_return fresh;
        }
        prompt_uid_is_new_ = true;
        if (decode_uid_.empty()) {
            decode_uid_ = prompt_uid_;
            decode_uid_is_shared_ = true;
        }
    }
    if (target != "/reset" && last_reset_ && (prompt_uid_is_new_ || again)) {
        tokenizer_answer repeated =
            co_await upstream_.post("/reset", last_reset_, prompt_uid_, tokenizer_field::ids, limit);
        if (repeated.fault != tokenizer_fault::none) {
            co_return repeated;
        }
        prompt_uid_is_new_ = false;
    }
    co_return co_await upstream_.post(target, std::move(body), prompt_uid_, wanted, limit);
}

core::awaitable<tokenizer_answer> tokenizer_tap::insist(std::string_view target, shared_body body,
                                                        tokenizer_field wanted, core::deadline limit) {
    unsigned useless = 0;
    unsigned forgotten = 0;
    bool again = false;
    bool ill = false;
    tokenizer_answer got;
    got.fault = tokenizer_fault::timed_out;
    while (in_time(limit)) {
        // A repeated /encode would add its turn to the conversation twice, so the reset is repeated with it.
        got = co_await ask_prompt(target, body, wanted, again, limit);
        again = true;
        if (got.fault == tokenizer_fault::none || got.fault == tokenizer_fault::timed_out ||
            got.fault == tokenizer_fault::too_long) {
            break;
        }
        if (got.fault == tokenizer_fault::unknown_uid) {
            forget_prompt_identity();
            if (++forgotten > 1) {
                co_await pause();
            }
            continue;
        }
        if (got.fault == tokenizer_fault::bad_answer && ++useless >= most_useless && !ill) {
            // Perhaps it is the text: whoever may ask must not be able to have the tokenizer restarted.
            const conversation_ids plain = co_await probe_.try_plain_texts(limit);
            if (plain.fault == tokenizer_fault::none) {
                view_.text_refused = true;
                break;
            }
            ill = plain.fault == tokenizer_fault::bad_answer;
            if (ill) {
                tell_ill(got.said + " to " + std::string(target) + ", and " + plain.said +
                         " to plain texts too");
            }
        }
        co_await pause();
    }
    co_return got;
}

void tokenizer_tap::note_trouble(std::string_view call, const tokenizer_answer& got) {
    telemetry::warn(core::say("runtime.tokenizer-away/no-answer", call, got.said));
    if (got.fault == tokenizer_fault::timed_out) {
        tell_hung();
    } else if (got.fault == tokenizer_fault::bad_answer || got.fault == tokenizer_fault::too_long) {
        view_.text_refused = view_.text_refused || got.fault == tokenizer_fault::too_long;
        view_.trouble = core::say("runtime.tokenizer-away/tokenizer-service",
                                  got.said + " to " + std::string(call) +
                                      (view_.text_refused ? " with this prompt, while it takes others" : ""));
    }
}

// The runtime takes work from whoever asks, and several jobs at once (docs/facts/vendor_ax.md#stop-and-races), so that a
// call was ordered tells little of whose it is; its text does, once this process was seen to hand it on as it is.
bool tokenizer_tap::is_foreign(const json& body, const char* field, const std::optional<std::string>& sent,
                               bool& hands_on) {
    const auto text = body.find(field);
    const bool has_text = text != body.end() && text->is_string();  // an empty system prompt is left out
    static const std::string none;
    const std::string& came = has_text ? text->get_ref<const std::string&>() : none;
    const bool ours = sent && (came == *sent || dumped(came) == dumped(*sent));
    hands_on = hands_on || (ours && has_text);
    const bool foreign = !ours && hands_on;
    view_.strays += foreign ? 1U : 0U;
    return foreign;
}

core::awaitable<http::response> tokenizer_tap::answer_reset(json body, core::deadline limit) {
    if (is_foreign(body, "system_prompt", system_sent_, hands_on_systems_)) {
        tell();
        co_return view_.reset_answered ? ok(json{{"token_ids", reset_ids_}}.dump()) : refusal();
    }
    view_.reset_begun = true;
    view_.reset_begun_at = clock_.now();
    view_.strays += std::exchange(reset_ordered_, false) ? 0U : 1U;
    if (prescribed_) {
        co_return prescribed_reset();
    }
    last_reset_ = std::make_shared<const json>(std::move(body));
    tell();
    tokenizer_answer got = co_await insist("/reset", last_reset_, tokenizer_field::ids, limit);
    view_.reset_answered = true;
    token_ids ids;
    if (got.fault == tokenizer_fault::none) {
        ids = std::move(got.ids);
        if (!within_vocabulary(ids, vocabulary_)) {
            view_.foreign_ids = true;
            got.fault = tokenizer_fault::bad_answer;
            got.said = "answered with ids that the model does not have";
        }
    }
    if (got.fault != tokenizer_fault::none) {
        note_trouble("/reset", got);
        view_.reset_failed = true;
        co_return reset_ids_.empty() ? refusal() : ok(json{{"token_ids", reset_ids_}}.dump());
    }
    prompt_uid_is_new_ = false;
    view_.system_tokens = static_cast<std::uint32_t>(ids.size());
    if (most_system_tokens_ > 0 && ids.size() > most_system_tokens_) {
        view_.reset_too_long = true;
        ids.resize(std::min(ids.size(), harmless_ids));
        reset_ids_ = ids;
        co_return ok(json{{"token_ids", ids}}.dump());
    }
    reset_ids_ = std::move(ids);
    spare_id_ = reset_ids_.empty() ? spare_id_ : reset_ids_.front();
    co_return ok(std::move(got.body));
}

http::response tokenizer_tap::prescribed_reset() {
    reset_ids_ = prescribed_->system;
    view_.system_tokens = static_cast<std::uint32_t>(reset_ids_.size());
    view_.reset_answered = true;
    tell();
    return ok(json{{"token_ids", reset_ids_}}.dump());
}

http::response tokenizer_tap::prescribed_turns(std::string_view text) {
    spare_id_ = prescribed_->turns.front();
    const bool another = !prescribed_->mark.empty() && text != prescribed_->mark;
    if (!view_.reset_answered || another) {
        // A run of before that begins late, or somebody else's: it must not read this prompt.
        view_.strays += another ? 1U : 0U;
        view_.encode_failed = true;
        tell();
        return harmless_turns();
    }
    const token_ids& turns = prescribed_->turns;
    token_ids all = prescribed_->held;
    all.insert(all.end(), prescribed_->system.begin(), prescribed_->system.end());
    all.insert(all.end(), turns.begin(), turns.end());
    view_.system_tokens = static_cast<std::uint32_t>(all.size() - turns.size());
    view_.turn_tokens = static_cast<std::uint32_t>(turns.size());
    view_.encode_answered = true;
    tell();
    return ok("{\"diff\":" + list_text(turns) + ",\"token_ids\":" + list_text(all) + "}");
}

// A failed /encode would run the prompt of the request before (docs/facts/vendor_ax.md#failures, F3); one
// harmless token does not.
http::response tokenizer_tap::harmless_turns() {
    if (reset_ids_.empty() && !spare_id_) {
        return refusal();
    }
    token_ids all = reset_ids_;
    const token_ids one{reset_ids_.empty() ? *spare_id_ : reset_ids_.front()};
    all.push_back(one.front());
    return ok(json{{"diff", one}, {"token_ids", all}}.dump());
}

core::awaitable<http::response> tokenizer_tap::answer_encode(json body, core::deadline limit) {
    foreign_decodes_ = is_foreign(body, "text", text_sent_, hands_on_prompts_);
    if (foreign_decodes_) {
        view_.foreign_run = view_.foreign_run || !tokens_.final_seen();
        tell();
        co_return harmless_turns();
    }
    view_.run_begun = true;
    view_.run_begun_at = clock_.now();
    view_.strays += std::exchange(run_ordered_, false) ? 0U : 1U;
    if (prescribed_) {
        const auto text = body.find("text");
        const bool has_text = text != body.end() && text->is_string();
        co_return prescribed_turns(has_text ? text->get_ref<const std::string&>() : std::string_view());
    }
    body.erase("last_reply");  // of an earlier conversation (docs/facts/vendor_ax.md#last-reply)
    tell();
    auto asked = std::make_shared<const json>(std::move(body));
    tokenizer_answer got = co_await insist("/encode", std::move(asked), tokenizer_field::diff, limit);
    if (got.fault == tokenizer_fault::none) {
        view_.foreign_ids = view_.foreign_ids || !within_vocabulary(got.ids, vocabulary_);
        if (got.ids.empty() || view_.foreign_ids) {
            got.fault = tokenizer_fault::bad_answer;
            got.said = got.ids.empty() ? "answered without a token"
                                       : "answered with ids that the model does not have";
        }
    }
    if (got.fault != tokenizer_fault::none) {
        note_trouble("/encode", got);
        view_.encode_failed = true;
        co_return harmless_turns();
    }
    view_.turn_tokens = static_cast<std::uint32_t>(got.ids.size());
    view_.encode_answered = true;
    spare_id_ = got.ids.front();
    co_return ok(std::move(got.body));
}

core::awaitable<http::response> tokenizer_tap::answer_decode(json body, core::deadline limit) {
    token_ids wanted;
    const auto field = body.find("token_ids");
    if (field == body.end() || !is_id_array(*field)) {
        co_return refusal();
    }
    if (foreign_decodes_) {
        co_return piece_text({}, false);
    }
    before_doubt_.reset();
    const auto kind = tokens_.on_decode(ids_of(*field), wanted);
    view_.last_answer = clock_.now();
    if (kind == token_ledger::call_kind::piece && view_.run_begun && wants_hold_ && wants_hold_()) {
        view_.held_piece = static_cast<std::uint32_t>(field->size());
        tell();
    }
    if (kind == token_ledger::call_kind::final || view_.encode_failed || wanted.empty()) {
        co_await wait_for_stop();
        // This text is not read, and a cut character in it would only stick in the tokenizer's cache.
        co_return piece_text({}, false);
    }
    const bool perhaps_final = kind == token_ledger::call_kind::perhaps_final;
    if (perhaps_final) {
        before_doubt_ = open_;
    }
    open_.add(wanted);
    const std::optional<std::string> text = co_await decode_open(limit, nullptr);
    if (!text && !open_.empty()) {
        telemetry::warn(core::say("runtime.tokenizer-away/piece-later"));
        tell_hung();
    }
    co_await wait_for_stop();
    co_return piece_text(text.value_or(""), perhaps_final);
}

core::awaitable<void> tokenizer_tap::wait_for_stop() {
    const core::deadline limit = core::deadline::after(options_.piece_hold, clock_.now());
    while (view_.held_piece > 0 && in_time(limit)) {
        (void)co_await let_go_.wait(limit);
    }
    view_.held_piece = 0;
}

// The runtime hands texts on as C strings, which end at a zero.
http::response tokenizer_tap::piece_text(std::string text, bool perhaps_final) const {
    std::erase(text, '\0');
    const std::string body = json{{"text", text}}.dump(-1, ' ', false, json::error_handler_t::replace);
    if (on_text_ && view_.run_begun) {  // else of an earlier run that goes on
        on_text_(core::parse_json(body).value("text", std::string()), perhaps_final);
    }
    return ok(body);
}

}  // namespace corral::engine::ax_poll
