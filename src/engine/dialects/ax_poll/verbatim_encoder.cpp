#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/cache_ledger.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;
using namespace core::asio::experimental::awaitable_operators;

constexpr std::string_view any_system = "You are a helpful assistant.";
constexpr std::size_t most_guards_tried = 8;
constexpr unsigned most_useless = 3;
constexpr core::milliseconds pause = 50ms;
constexpr core::nanoseconds call_limit = 10s;
constexpr core::nanoseconds call_limit_per_byte = 50us;  // slower than any service that serves a small box

std::vector<std::string_view> guards_of(const chat::family* format) {
    std::vector<std::string_view> out;
    if (format == nullptr) {
        return out;
    }
    const std::vector<std::string_view>& all = format->control_tokens;
    if (std::find(all.begin(), all.end(), format->turn_open) != all.end()) {
        out.push_back(format->turn_open);
    }
    for (const std::string_view token : all) {
        if (token != format->turn_open && out.size() < most_guards_tried) {
            out.push_back(token);
        }
    }
    return out;
}

core::failure no_answer(tokenizer_fault fault, const std::string& said) {
    const core::errc code = fault == tokenizer_fault::timed_out    ? core::errc::timed_out
                            : fault == tokenizer_fault::too_long   ? core::errc::limit_exceeded
                            : fault == tokenizer_fault::bad_answer ? core::errc::protocol
                                                                   : core::errc::unavailable;
    return core::make_failure(code, core::say("runtime.tokenizer-away/tokenizer-service", said));
}

}  // namespace

core::awaitable<void> until_unwanted(std::function<bool()> unwanted) {
    bool awake = true;
    while (awake && !(unwanted && unwanted())) {
        awake = co_await core::sleep_for(pause);
    }
}

bool verbatim_encoder::possible() const noexcept {
    return format_ != nullptr && !format_->control_tokens.empty() && !impossible_;
}

void verbatim_encoder::keep(std::string text, token_ids ids, bool composed) {
    kept_ = kept_ids{std::move(text), std::move(ids), composed};
}

void verbatim_encoder::keep_wrapped(std::string system, std::string turns, token_ids ids, bool composed) {
    kept_ = kept_ids{std::move(turns), std::move(ids), composed, true, std::move(system)};
}

std::string verbatim_encoder::closing_of(const chat::family& format) {
    std::string out(format.turn_close);
    out.append(format.turn_open).append(format.assistant_header);
    return out;
}

bool verbatim_encoder::begins_with_mark(std::string_view text) const {
    const auto& marks = format_->control_tokens;
    return std::any_of(marks.begin(), marks.end(),
                       [text](std::string_view mark) { return text.starts_with(mark); });
}

void verbatim_encoder::on_tokenizer_started() {
    shape_.reset();
    kept_.reset();
    impossible_ = false;
}

core::failure verbatim_encoder::give_up() {
    impossible_ = true;
    return core::make_failure(core::errc::refused, core::say("request.verbatim/run-raw"));
}

core::awaitable<core::result<conversation_ids>> verbatim_encoder::ask(std::string system, std::string turns,
                                                                      core::deadline until,
                                                                      predicate unwanted) {
    const std::size_t bytes = system.size() + turns.size();
    unsigned useless = 0;
    tokenizer_fault fault = tokenizer_fault::unreachable;
    std::string said = to_string(fault);
    while (!until.passed(clock_.now()) && !(unwanted && unwanted())) {
        std::string first = system;
        std::string second = turns;
        const core::nanoseconds span = call_limit + call_limit_per_byte * static_cast<std::int64_t>(bytes);
        const core::deadline limit = core::deadline::after(span, clock_.now()).sooner(until);
        auto encoding = identity_.encode(std::move(first), std::move(second), limit);
        auto leaving = until_unwanted(unwanted);
        auto ended = co_await (std::move(encoding) || std::move(leaving));
        if (ended.index() == 1) {
            co_return no_answer(tokenizer_fault::unreachable, to_string(tokenizer_fault::unreachable));
        }
        conversation_ids got = std::get<0>(std::move(ended));
        if (got.fault == tokenizer_fault::none) {
            co_return got;
        }
        fault = got.fault;
        said = std::move(got.said);
        useless += fault == tokenizer_fault::bad_answer ? 1U : 0U;
        if (fault == tokenizer_fault::timed_out || fault == tokenizer_fault::too_long ||
            useless >= most_useless) {
            break;
        }
        co_await core::sleep_for(pause);
    }
    co_return no_answer(fault, said);
}

core::awaitable<core::result<token_ids>> verbatim_encoder::ask_turn(std::string text, core::deadline until,
                                                                    predicate unwanted) {
    std::string system(any_system);
    core::result<conversation_ids> got =
        co_await ask(std::move(system), std::move(text), until, std::move(unwanted));
    if (!got) {
        co_return got.error();
    }
    co_return std::move(got->turns);
}

// A wrapper that adds a word of its own, as a `/no_think`, or trims the end of a text makes another text of a user's last
// turn than of an earlier one.
core::awaitable<core::result<bool>> verbatim_encoder::compare_closing(wrapper_shape shape,
                                                                      core::deadline until,
                                                                      predicate unwanted) {
    const std::string probe = format_->trims_texts ? "Hi" : "Hi \n";
    std::string wrapped = probe;
    core::result<token_ids> whole = co_await ask_turn(std::move(wrapped), until, unwanted);
    if (!whole) {
        co_return whole.error();
    }
    std::string guarded = shape.guard + probe + closing_of(*format_) + shape.guard;
    const core::result<token_ids> bare = co_await ask_turn(std::move(guarded), until, unwanted);
    if (!bare) {
        co_return bare.error();
    }
    const auto ids = guarded_ids(shape, *bare);
    if (!ids) {
        co_return false;
    }
    token_ids expected = shape.before;
    expected.insert(expected.end(), ids->begin(), ids->end());
    co_return expected == *whole;
}

core::awaitable<core::result<wrapper_shape>> verbatim_encoder::learn(core::deadline until,
                                                                     predicate unwanted) {
    const std::vector<std::string_view> guards = guards_of(format_);
    for (const std::string_view each : guards) {
        const std::string guard(each);
        token_ids seen[3];
        const std::string texts[3] = {guard, guard + guard, guard + "\n" + guard};
        for (std::size_t i = 0; i < 3; ++i) {
            std::string text = texts[i];
            core::result<token_ids> got = co_await ask_turn(std::move(text), until, unwanted);
            if (!got) {
                co_return got.error();
            }
            seen[i] = std::move(*got);
        }
        if (auto shape = read_shape(guard, seen[0], seen[1], seen[2])) {
            wrapper_shape known = *shape;
            const core::result<bool> same = co_await compare_closing(std::move(known), until, unwanted);
            if (!same) {
                co_return same.error();
            }
            shape->closes_as_family = *same;
            telemetry::log().debug("tokenizer: {} tokens before a text and {} behind it are its wrapper",
                                   shape->before.size(), shape->after.size());
            co_return std::move(*shape);
        }
    }
    telemetry::warn(core::say("runtime.tokenizer-foreign/no-shape", guards.size()));
    co_return give_up();
}

core::awaitable<core::result<token_ids>> verbatim_encoder::unwrap(std::string text, core::deadline until,
                                                                  predicate unwanted) {
    for (int tries = 0; tries < 2; ++tries) {
        if (!shape_) {
            core::result<wrapper_shape> learned = co_await learn(until, unwanted);
            if (!learned) {
                co_return learned.error();
            }
            shape_ = std::move(*learned);
        }
        const wrapper_shape shape = *shape_;  // a restart of the tokenizer forgets it while we wait
        std::string guarded = shape.guard + text + shape.guard;
        const core::result<token_ids> turn = co_await ask_turn(std::move(guarded), until, unwanted);
        if (!turn) {
            co_return turn.error();
        }
        if (auto ids = guarded_ids(shape, *turn)) {
            co_return std::move(*ids);
        }
        telemetry::warn(core::say("runtime.tokenizer-foreign/other-wrapper"));
        shape_.reset();
    }
    co_return give_up();
}

core::awaitable<core::result<token_ids>> verbatim_encoder::count(std::string text, core::deadline until) {
    const wrapper_shape shape = *shape_;
    std::string system(any_system);
    std::string guarded = shape.guard + text + shape.guard;
    conversation_ids got = co_await identity_.encode(std::move(system), std::move(guarded), until);
    if (got.fault != tokenizer_fault::none) {
        co_return no_answer(got.fault, got.said);
    }
    auto ids = guarded_ids(shape, got.turns);
    if (!ids || ids->size() < 2) {
        co_return core::make_failure(core::errc::refused, core::say("runtime.count-not-known/only-run"));
    }
    co_return std::move(*ids);
}

core::awaitable<core::result<token_ids>> verbatim_encoder::encode(std::string text, core::deadline until,
                                                                  predicate unwanted,
                                                                  const spoken_text* spoken) {
    if (kept_ && !kept_->wrapped && kept_->text == text && (spoken != nullptr || !kept_->composed)) {
        token_ids ids = std::move(kept_->ids);
        kept_.reset();
        co_return ids;
    }
    if (!possible()) {
        co_return give_up();
    }
    const bool goes_on = spoken != nullptr && !spoken->wrapped && text.starts_with(spoken->text) &&
                         begins_with_mark(std::string_view(text).substr(spoken->text.size()));
    if (goes_on) {
        std::string rest = text.substr(spoken->text.size());
        token_ids all = spoken->ids;  // it may be another's by the time of the answer
        core::result<token_ids> added = co_await unwrap(std::move(rest), until, std::move(unwanted));
        if (added) {
            all.insert(all.end(), added->begin(), added->end());
            added = std::move(all);
        }
        co_return added;
    }
    std::string whole = text;
    core::result<token_ids> ids = co_await unwrap(std::move(whole), until, unwanted);
    if (ids && ids->size() == 1 && !format_->document_mark.empty()) {
        std::string marked = std::string(format_->document_mark) + text;
        ids = co_await unwrap(std::move(marked), until, unwanted);
    }
    if (ids && ids->size() < 2) {
        co_return core::make_failure(core::errc::invalid, ids->empty() ? core::say("request.verbatim/prompt")
                                                                       : core::say("request.verbatim/model"));
    }
    co_return ids;
}

core::awaitable<core::result<token_ids>> verbatim_encoder::encode_wrapped(std::string system,
                                                                          std::string turns,
                                                                          core::deadline until,
                                                                          predicate unwanted,
                                                                          const spoken_text* spoken) {
    const bool goes_on = spoken != nullptr && shape_ && spoken->wrapped && spoken->system == system &&
                         turns.starts_with(spoken->text) &&
                         begins_with_mark(std::string_view(turns).substr(spoken->text.size()));
    if (!shape_ && possible()) {  // by its first prompt: the runtime did not start with this tokenizer
        core::result<wrapper_shape> learned = co_await learn(until, unwanted);
        if (learned) {
            shape_ = std::move(*learned);
        } else if (possible()) {
            co_return learned.error();
        }
    }
    const bool is_composed = kept_ && kept_->composed && kept_->is_wrapped(system, turns);
    if (goes_on && !is_composed) {
        token_ids all = spoken->ids;
        const token_ids before = shape_->before;
        std::string rest = turns.substr(spoken->text.size());
        const core::result<token_ids> added = co_await ask_turn(std::move(rest), until, unwanted);
        if (!added) {
            co_return added.error();
        }
        if (begins_with(*added, before)) {
            all.insert(all.end(), added->begin() + static_cast<std::ptrdiff_t>(before.size()), added->end());
            co_return all;
        }
    }
    if (kept_ && kept_->is_wrapped(system, turns) && (goes_on || !kept_->composed)) {
        token_ids ids = std::move(kept_->ids);
        kept_.reset();
        co_return ids;
    }
    core::result<conversation_ids> got =
        co_await ask(std::move(system), std::move(turns), until, std::move(unwanted));
    if (!got) {
        co_return got.error();
    }
    token_ids ids = std::move(got->system);
    ids.insert(ids.end(), got->turns.begin(), got->turns.end());
    if (ids.empty()) {
        co_return core::make_failure(core::errc::protocol, core::say("runtime.tokenizer-away/service-gave"));
    }
    co_return ids;
}

}  // namespace corral::engine::ax_poll
