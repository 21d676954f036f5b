#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

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
    return core::make_failure(code, "The tokenizer service " + said + ".");
}

}  // namespace

bool verbatim_encoder::possible() const noexcept {
    return format_ != nullptr && !format_->control_tokens.empty() && !impossible_;
}

void verbatim_encoder::keep(std::string text, token_ids ids, bool composed) {
    kept_ = kept_ids{std::move(text), std::move(ids), composed};
}

bool verbatim_encoder::goes_on_from(const spoken_text& spoken, std::string_view text) const {
    if (text.size() <= spoken.text.size() || !text.starts_with(spoken.text)) {
        return false;
    }
    const std::string_view rest = text.substr(spoken.text.size());
    const auto& marks = format_->control_tokens;
    return std::any_of(marks.begin(), marks.end(),
                       [rest](std::string_view mark) { return rest.starts_with(mark); });
}

void verbatim_encoder::on_tokenizer_started() {
    shape_.reset();
    kept_.reset();
    impossible_ = false;
}

core::failure verbatim_encoder::give_up() {
    impossible_ = true;
    return core::make_failure(core::errc::refused,
                              "The tokenizer service of this model wraps texts in a way that can't be taken "
                              "off, so it can't run a prompt as it stands.");
}

core::awaitable<core::result<token_ids>> verbatim_encoder::ask(std::string text, core::deadline until,
                                                               predicate unwanted) {
    unsigned useless = 0;
    tokenizer_fault fault = tokenizer_fault::unreachable;
    std::string said = to_string(fault);
    while (!until.passed(clock_.now()) && !(unwanted && unwanted())) {
        std::string system(any_system);
        std::string turns = text;
        const core::nanoseconds span =
            call_limit + call_limit_per_byte * static_cast<std::int64_t>(text.size());
        const core::deadline limit = core::deadline::after(span, clock_.now()).sooner(until);
        conversation_ids got = co_await identity_.encode(std::move(system), std::move(turns), limit);
        if (got.fault == tokenizer_fault::none) {
            co_return std::move(got.turns);
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

core::awaitable<core::result<wrapper_shape>> verbatim_encoder::learn(core::deadline until,
                                                                     predicate unwanted) {
    const std::vector<std::string_view> guards = guards_of(format_);
    for (const std::string_view each : guards) {
        const std::string guard(each);
        token_ids seen[3];
        const std::string texts[3] = {guard, guard + guard, guard + "\n" + guard};
        for (std::size_t i = 0; i < 3; ++i) {
            std::string text = texts[i];
            core::result<token_ids> got = co_await ask(std::move(text), until, unwanted);
            if (!got) {
                co_return got.error();
            }
            seen[i] = std::move(*got);
        }
        if (auto shape = read_shape(guard, seen[0], seen[1], seen[2])) {
            telemetry::log().debug("tokenizer: {} tokens before a text and {} behind it are its wrapper",
                                   shape->before.size(), shape->after.size());
            co_return std::move(*shape);
        }
    }
    telemetry::log().warn("tokenizer: its wrapper has no shape that {} control tokens could show",
                          guards.size());
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
        const core::result<token_ids> turn = co_await ask(std::move(guarded), until, unwanted);
        if (!turn) {
            co_return turn.error();
        }
        if (auto ids = guarded_ids(shape, *turn)) {
            co_return std::move(*ids);
        }
        telemetry::log().warn("tokenizer: its wrapper is not what it was; it is looked at anew");
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
        co_return core::make_failure(core::errc::refused, "Only its run can say how long it is.");
    }
    co_return std::move(*ids);
}

core::awaitable<core::result<token_ids>> verbatim_encoder::encode(std::string text, core::deadline until,
                                                                  predicate unwanted,
                                                                  const spoken_text* spoken) {
    if (kept_ && kept_->text == text && (spoken != nullptr || !kept_->composed)) {
        token_ids ids = std::move(kept_->ids);
        kept_.reset();
        co_return ids;
    }
    if (!possible()) {
        co_return give_up();
    }
    if (spoken != nullptr && goes_on_from(*spoken, text)) {
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
        co_return core::make_failure(
            core::errc::invalid,
            ids->empty() ? "The prompt is empty." : "A prompt of a single token can't be run by this model.");
    }
    co_return ids;
}

}  // namespace corral::engine::ax_poll
