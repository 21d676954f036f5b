#include "chat/chat_engine.hpp"

#include <algorithm>
#include <thread>

#include "chat/text_pieces.hpp"
#include "device/processor_load.hpp"
#include "device/simulated_device.hpp"
#include "leak.hpp"
#include "runtime/language_model.hpp"

namespace corral::sim {
namespace {

using clock = std::chrono::steady_clock;

constexpr int prefill_chunk = 128;

double elapsed_ms(clock::time_point since) {
    return std::chrono::duration<double, std::milli>(clock::now() - since).count();
}

}  // namespace

std::shared_ptr<chat_run> chat_engine::begin(run_order order) {
    auto run = std::make_shared<chat_run>();
    if (order.marks_thought) run->mark_thought();
    if (places_ <= 0) {
        // Nobody queues here: the run counts before the caller goes on.
        high_water_ = std::max(high_water_.load(), ++active_);
        if (active_ == 1) decoded_ = 0;
    }
    std::thread([this, run, order = std::move(order)]() mutable { execute(run, std::move(order)); }).detach();
    return run;
}

// In the order of coming. False when the run was cancelled while it waited.
bool chat_engine::enter(chat_run& run) {
    if (places_ <= 0) return true;
    std::unique_lock lock(mutex_);
    const auto ticket = next_ticket_++;
    ++waiting_;
    while (!(ticket == served_ && active_ < places_)) {
        if (run.cancelled() && ticket == served_) break;
        freed_.wait_for(lock, std::chrono::milliseconds(20));
    }
    ++served_;
    --waiting_;
    const bool wanted = !run.cancelled();
    if (wanted) {
        decoded_ = 0;
        high_water_ = std::max(high_water_.load(), ++active_);
    }
    lock.unlock();
    freed_.notify_all();
    return wanted;
}

void chat_engine::leave_place() {
    {
        const std::lock_guard lock(mutex_);
        --active_;
    }
    freed_.notify_all();
}

void chat_engine::stop_current() {
    const std::lock_guard lock(mutex_);
    if (const auto run = current_.lock()) run->cancel();
}

void chat_engine::show_busy(bool busy) const {
    const auto device = simulated_device::from_environment();
    if (!device) return;
    const bool counted = busy && !faults_.active("npu_idle") && !faults_.active("cpu_fallback");
    device->set_busy(0, counted ? settings_.snapshot().chat.npu_percent : 0);
}

void chat_engine::execute(const std::shared_ptr<chat_run>& run, run_order order) {
    work now;
    now.order = std::move(order);
    now.figures.prompt_text = now.order.counted.empty() ? now.order.prompt : now.order.counted;
    now.id = journal_.next_run_id();
    now.record = now.order.asked.is_object() ? now.order.asked : nlohmann::json::object();
    now.record["id"] = now.id;
    now.record["kind"] = "chat";
    now.record["prompt"] = now.order.prompt;
    now.record["kv_text"] = now.order.prompt;
    if (enter(*run)) {
        {
            const std::lock_guard lock(mutex_);
            current_ = run;
        }
        show_busy(true);
        journal_.stamp("run_begin", now.id);
        if (prefill(*run, now)) decode(*run, now);
        if (now.order.done) now.order.done(now.figures);
        if (active_ == 1) show_busy(false);
        leave_place();
    } else {
        now.ended_by = "cancelled";
        now.figures.reason = "abort";
    }
    now.record["output_tokens"] = now.figures.output_tokens;
    now.record["streamed"] = now.figures.text;
    now.record["ended_by"] = now.ended_by;
    journal_.add_run(now.record);
    journal_.stamp("run_end", now.id, now.figures.output_tokens);
    run->finish(std::move(now.figures));
}

int chat_engine::take_slot(work& now, const token_ids& ids) {
    const auto& order = now.order;
    if (order.slots <= 0) return 0;
    const std::lock_guard lock(mutex_);
    slots_.resize(static_cast<std::size_t>(order.slots));
    const auto common = [&](const token_ids& there) {
        const auto first = std::mismatch(there.begin(), there.end(), ids.begin(), ids.end()).second;
        return static_cast<int>(first - ids.begin());
    };
    auto at = std::max_element(slots_.begin(), slots_.end(),
                               [&](const auto& a, const auto& b) { return common(a) < common(b); });
    if (order.slot >= 0 && order.slot < order.slots) at = slots_.begin() + order.slot;
    // The last token of a prompt is computed in any case.
    const int cached = order.uses_cache ? std::min(common(*at), static_cast<int>(ids.size()) - 1) : 0;
    *at = ids;
    now.record["slot"] = at - slots_.begin();
    now.record["cached_tokens"] = cached;
    return cached;
}

bool chat_engine::prefill(chat_run& run, work& now) {
    phase_ = "prefill";
    const auto settings = settings_.snapshot();
    const auto ids = vocabulary::instance().encode(now.order.prompt);
    now.record["kv_ids"] = ids;
    now.figures.prompt_tokens = static_cast<int>(ids.size());
    now.figures.cached_tokens = take_slot(now, ids);
    npu device(faults_, 0);
    const auto since = clock::now();
    const int fresh = now.figures.prompt_tokens - now.figures.cached_tokens;
    const int chunks = (fresh + prefill_chunk - 1) / prefill_chunk;
    for (int chunk = 0; chunk < chunks; ++chunk) {
        const auto step = device.work(settings.timing.prefill_ms_per_chunk, "prefill", chunk, &run.stop());
        if (!step.stopped && !stopping_) continue;
        now.ended_by = "cancelled";
        now.figures.reason = "abort";
        return false;
    }
    now.figures.prefill_ms = elapsed_ms(since);
    run.has_read(now.figures);
    return true;
}

// True when a fault ends the run here; `text` is then what it says in place of an error.
bool chat_engine::obey_faults(work& now, int count, std::string& text) const {
    if (const auto fault = faults_.fire_at("error_text", "decode", count)) {
        text = fault->value("text", "[ERROR: device lost]");
        now.ended_by = "error_text";
        return true;
    }
    if (faults_.fire_at("stream_error", "decode", count)) {
        now.ended_by = "error";
        now.figures.reason = "error";
        return true;
    }
    if (faults_.fire_at("done_without_finish", "decode", count)) {
        now.ended_by = "timeout";
        now.figures.reason = "timeout";
        return true;
    }
    return false;
}

void chat_engine::decode(chat_run& run, work& now) {
    phase_ = "decode";
    const auto& words = vocabulary::instance();
    const auto settings = settings_.snapshot();
    const auto plan = plan_output(settings, words.encode(now.order.prompt), name_);
    const bool silent = faults_.fire("first_token_eos").has_value();
    const processor_load load(faults_);
    std::string raw;
    text_pieces pieces(now.order.stops, now.order.piece_tokens, now.order.by_character,
                       [&](const std::string& text) {
                           journal_.stamp("piece", now.id, 1, text);
                           if (tap_) tap_(text);
                           run.push(text);
                       });
    npu device(faults_, 0);
    const double earlier_runs = decoded_runs_.fetch_add(1);
    leak(settings_.snapshot().leak);
    for (std::size_t index = 0;; ++index) {
        const int count = static_cast<int>(index);
        const bool endless = plan.never_ends || faults_.active("never_end");
        const auto since = clock::now();
        obey_prompt(plan, index, faults_);
        std::string words_of_error;
        if (obey_faults(now, count, words_of_error)) {
            pieces.add(words_of_error);
            break;
        }
        const auto step =
            device.work(settings_.snapshot().timing.token_ms(earlier_runs), "decode", count, &run.stop());
        if (step.stopped || stopping_) {
            now.ended_by = "cancelled";
            now.figures.reason = "abort";
            break;
        }
        if (silent || (index >= plan.tokens.size() && !endless)) break;
        const bool limit = now.order.max_tokens >= 0 && count >= now.order.max_tokens;
        const bool full = !now.order.shifts && now.figures.prompt_tokens + count >= now.order.context;
        if (limit || full) {
            now.ended_by = limit ? "limit" : "context_end";
            now.figures.reason = "length";
            break;
        }
        const int token =
            index < plan.tokens.size() ? plan.tokens[index] : filler_token(index - plan.tokens.size());
        const auto bytes = words.decode(std::span(&token, 1));
        raw += bytes;
        ++now.figures.output_tokens;
        now.figures.decode_ms.push_back(elapsed_ms(since));
        ++decoded_;
        if (pieces.add(bytes)) {
            now.ended_by = "stop";
            break;
        }
    }
    if (std::string_view(now.ended_by) != "stop") pieces.flush();
    now.figures.text = pieces.sent();
    now.record["output"] = raw;
}

}  // namespace corral::sim
