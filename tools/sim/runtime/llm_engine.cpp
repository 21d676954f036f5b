#include "runtime/llm_engine.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "device/processor_load.hpp"
#include "device/simulated_device.hpp"
#include "leak.hpp"
#include "process_end.hpp"
#include "runtime/language_model.hpp"
#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr const char* context_text = "error: SetKVCache failed: %d,the context may be full,please reset";
constexpr int no_text_token = vocabulary_rows - 1;

double milliseconds_since(clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(clock::now() - begin).count();
}

int floor_to_chunks(int tokens, int chunk) {
    int chunks = tokens / chunk;
    if (tokens < 0 && tokens % chunk != 0) --chunks;
    return chunks * chunk;
}

}  // namespace

llm_engine::llm_engine(const engine_parts& parts)
    : parts_(parts),
      device_(parts.faults, parts.layers),
      geometry_(parts.geometry),
      name_(parts.name),
      cache_(parts.layers),
      limit_(geometry_.groups.back()) {}

void llm_engine::load_sampling(const json& config) {
    const std::lock_guard lock(sampling_mutex_);
    sampling_.load(config);
}

void llm_engine::apply_sampling(const json& body) {
    const std::lock_guard lock(sampling_mutex_);
    sampling_.apply_request(body);
}

void llm_engine::die_of_broken_layer() const {
    if (parts_.broken_layer) die_uncaught("std::runtime_error", "input tensor not found: K_cache");
}

// The original reads the id's row of the embedding wherever that is.
void llm_engine::die_of_foreign_id(const token_ids& ids) const {
    const auto foreign = [this](int id) { return id < 0 || id >= parts_.vocabulary_size; };
    if (std::any_of(ids.begin(), ids.end(), foreign)) die_by_signal(SIGSEGV);
}

int llm_engine::pick_group(int tokens) const {
    for (std::size_t i = 0; i < geometry_.groups.size(); ++i)
        if (tokens <= geometry_.groups[i]) return static_cast<int>(i);
    return -1;
}

// Rows from position `at` on, chunk by chunk: one log line and one device step each. False: it was stopped.
bool llm_engine::compute_chunks(const token_ids& ids, int at, const chunk_walk& how) {
    const auto chunk = static_cast<std::size_t>(geometry_.chunk);
    int index = 0;
    for (std::size_t from = 0; from < ids.size(); from += chunk) {
        if (how.stoppable && stop_.requested()) return false;
        const auto part = std::span(ids).subspan(from, std::min(chunk, ids.size() - from));
        log_line(log_level::info, how.function, how.line, "input_num_token:%d",
                 static_cast<int>(part.size()));
        const auto ms = parts_.settings.snapshot().timing.prefill_ms_per_chunk;
        const auto done = device_.work(ms, how.phase, index++, how.stoppable ? &stop_ : nullptr);
        // Whether a failed chunk leaves rows was not observed; none are the ones that show.
        cache_.prefill(
            at + static_cast<int>(from),
            done.failed ? token_ids(part.size(), kv_cache::hole) : token_ids(part.begin(), part.end()),
            done.layers);
        if (done.layers < cache_.layers()) return false;
    }
    return true;
}

void llm_engine::execute_reset(const std::string& system_prompt) {
    const auto settings = parts_.settings.snapshot();
    if (running_.exchange(true)) return;
    phase_ = "reset";
    parts_.journal.stamp("reset_begin");
    obey_end_faults(parts_.faults, "reset");
    if (auto ids = parts_.tokenizer.reset(system_prompt)) {
        system_ids_ = std::move(*ids);
        system_prompt_ = system_prompt;
    }
    const int count = static_cast<int>(system_ids_.size());
    limit_ = geometry_.groups.back();
    group_ = pick_group(count);
    log_line(log_level::info, "GenerateKVCachePrefill", 324,
             "input token num : %d, prefill_split_num : %d prefill_grpid : %d", count,
             (count + geometry_.chunk - 1) / geometry_.chunk,
             (group_ < 0 ? static_cast<int>(geometry_.groups.size()) - 1 : group_) + 1);
    if (count == 0) {
        log_line(log_level::info, "GenerateKVCachePrefill", 344, "input token num is 0, skip");
    } else {
        die_of_broken_layer();
        die_of_foreign_id(system_ids_);
        // No length check here, and a chunk's rows are written whole, also into buffers of a single row.
        if (group_ < 0 || geometry_.groups[static_cast<std::size_t>(group_)] < geometry_.chunk)
            overran_ = true;
        compute_chunks(system_ids_, 0, {"GenerateKVCachePrefill", 367, "reset", false});
    }
    if (settings.timing.reset_ms > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(settings.timing.reset_ms));
    if (count > geometry_.max_token_len) {
        std::fputs("free(): invalid pointer\n", stderr);
        die_by_signal(SIGABRT);
    }
    cache_.reset_to(count);
    cached_ = count;
    if (const auto stale = parts_.faults.fire("stale_text")) texts_.push(stale->value("text", "stale text"));
    parts_.journal.stamp("reset_end", 0, count);
    phase_ = "idle";
    running_ = false;
}

// A text without a picture, with the system prompt that is compiled in.
bool llm_engine::is_beyond_a_chunk(const token_ids& ids) const {
    const std::size_t all = system_ids_.size() + ids.size();
    const bool beyond = all > static_cast<std::size_t>(geometry_.chunk);
    if (beyond)
        log_line(log_level::error, "Encode", 390, "input_ids(%ld) > prefill_token_num(%d)",
                 static_cast<long>(all), geometry_.chunk);
    return beyond;
}

// Encode and the limits. False: the context is full, or there are no ids.
bool llm_engine::take_prompt(run_state& run, const std::string& prompt) {
    phase_ = "encode";
    obey_end_faults(parts_.faults, "encode");
    run.record["last_reply_sent"] = last_reply_;
    const bool fails = parts_.faults.fire("encode_failed").has_value();
    const bool stateless = run.settings.stateless;
    const auto encoded = !fails      ? parts_.tokenizer.encode(prompt, last_reply_)
                         : stateless ? encode_result{}
                                     : parts_.tokenizer.failed_encode(500);
    run.encoded = encoded.ok && !(stateless && is_beyond_a_chunk(encoded.diff));
    if (stateless && !run.encoded) {
        log_line(log_level::error, "RunSync", 162, "lLaMa.Encode failed");
        return false;
    }
    if (encoded.ok) prompt_ids_ = encoded.diff;
    const int fresh = static_cast<int>(encoded.diff.size());
    if (cache_.length() > 0 && parts_.faults.fire("lost_row")) cache_.reset_to(cache_.length() - 1);
    const int cached = cache_.length();
    if (const int fitting = pick_group(cached + fresh); fitting >= 0) group_ = fitting;
    limit_ = floor_to_chunks(limit_ - cached, geometry_.chunk);
    run.record["diff_tokens"] = fresh;
    run.record["P"] = cached;
    run.record["M_now"] = limit_;
    return fits(fresh);
}

bool llm_engine::fits(int fresh) {
    const int cached = cache_.length();
    const int last = static_cast<int>(geometry_.groups.size()) - 1;
    const int group = group_ < 0 ? last : group_;
    const int size = geometry_.groups[static_cast<std::size_t>(group)];
    log_line(log_level::info, "SetKVCache", 614,
             "prefill_grpid:%d kv_cache_num:%d precompute_len:%d input_num_token:%d", group + 1, size, cached,
             fresh);
    log_line(log_level::info, "SetKVCache", 617, "current prefill_max_token_num:%d", limit_);
    if (cached == 0) {
        log_line(log_level::info, "SetKVCache", 621, "first run");
        // No length check here: the original writes past its buffers, and lives for a while with one row too many.
        if (fresh > geometry_.groups.back()) overran_ = true;
        if (fresh > geometry_.groups.back() + (group_ < 0 ? 0 : 1))  // the group is unset before any reset
            die_by_signal(fresh > 8 * geometry_.groups.back() ? SIGABRT : SIGSEGV);
        return true;
    }
    if (cached + fresh > size) {
        log_line(log_level::error, "SetKVCache", 627,
                 "precompute_len(%d) + input_num_token(%d) > _attr.prefill_max_kv_cache_num_grp[%d]", cached,
                 fresh, group);
        return false;
    }
    if (fresh > limit_) {
        log_line(log_level::error, "SetKVCache", 633, "input_num_token(%d) > _attr.prefill_max_token_num(%d)",
                 fresh, limit_);
        return false;
    }
    return !parts_.faults.fire("context_full");
}

// True when the whole prompt is in the cache.
bool llm_engine::prefill(bool encoded) {
    phase_ = "prefill";
    const int count = static_cast<int>(prompt_ids_.size());
    const auto begin = clock::now();
    log_line(log_level::info, "Run", 855, "input token num : %d, prefill_split_num : %d", count,
             (count + geometry_.chunk - 1) / geometry_.chunk);
    die_of_broken_layer();
    die_of_foreign_id(prompt_ids_);
    // Of a prompt that is run again after a failed encode, the group was chosen without its ids.
    const int last = static_cast<int>(geometry_.groups.size()) - 1;
    const int size = geometry_.groups[static_cast<std::size_t>(group_ < 0 ? last : group_)];
    const int beyond = cache_.length() + count - size;
    if (beyond > 0) overran_ = true;
    cache_.upload();
    const bool whole = compute_chunks(prompt_ids_, cache_.length(), {"Run", 887, "prefill", true});
    // 23 rows too many were survived with chunks of 32, a prompt of 250 ids never; the border is chosen.
    if (!encoded && beyond > geometry_.chunk) die_by_signal(SIGABRT);
    {
        const std::lock_guard lock(sampling_mutex_);
        if (sampling_.enable_top_k_sampling && sampling_.top_k > parts_.vocabulary_size)
            die_by_signal(SIGSEGV);
    }
    log_line(log_level::info, "Run", 1016, "ttft: %.2f ms", milliseconds_since(begin));
    return whole;
}

std::string llm_engine::decode(const token_ids& ids) {
    if (parts_.faults.fire("decode_failed"))
        return parts_.tokenizer.failed_decode(500, R"({"error": "forced"})");
    return parts_.tokenizer.decode(ids);
}

void llm_engine::emit_piece(run_state& run) {
    const auto text = decode(run.pending);
    const int tokens = static_cast<int>(run.pending.size());
    run.pending.clear();
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    run.streamed += text;
    if (!text.empty()) parts_.journal.stamp("piece", run.id, tokens, text);
    texts_.push(text);
}

int llm_engine::next_token(const token_ids& plan, bool never_ends, std::size_t index) {
    const int count = static_cast<int>(index);
    if (device_.failing_calls("decode", count) > 0) {
        const auto kind = parts_.faults.active_faults()["engine_error"]["args"].value("text", "garbage");
        if (index < plan.size()) return kind == "empty" ? no_text_token : 300 + (count * 37) % 200;
    }
    const bool wants_end_at_once = index == 0 && parts_.faults.fire("first_token_eos");
    if (wants_end_at_once) return parts_.tokenizer.eos_id();
    if (index < plan.size()) return plan[index];
    if (never_ends || parts_.faults.active("never_end")) return filler_token(index - plan.size());
    return parts_.tokenizer.eos_id();
}

// From position `at` to the last one that there is.
void llm_engine::decode_loop(run_state& run, int at) {
    phase_ = "decode";
    const auto rows = cache_.rows(at);
    const auto read = readable(rows);
    auto plan = plan_output(run.settings, read, name_);
    // After an empty prompt the first token is sampled from a zero vector.
    if (prompt_ids_.empty()) plan.tokens.insert(plan.tokens.begin(), filler_token(8));
    if (cache_.decoded(at) && plan.tokens.size() > 1 && parts_.faults.fire("decode_differs"))
        plan.tokens[1] = filler_token(8);
    run.record["kv_text"] = vocabulary::instance().decode(read);
    run.record["kv_ids"] = rows;
    const bool streaming = run.kind == run_kind::generate;
    progress_bar bar(geometry_.max_token_len, "token");
    run.output.push_back(next_token(plan.tokens, plan.never_ends, 0));  // never compared with EOS
    run.pending = run.output;
    run.ended_by = "context_end";
    const double earlier_runs = decoded_runs_++;
    leak(run.settings.leak);
    for (; at < geometry_.max_token_len; ++at) {
        if (stop_.requested()) {
            run.ended_by = "stop";
            return;
        }
        const auto settings = parts_.settings.snapshot();
        obey_prompt(plan, run.output.size(), parts_.faults);
        const auto done = device_.work(settings.timing.token_ms(earlier_runs), "decode",
                                       static_cast<int>(run.output.size()), &stop_);
        int token = next_token(plan.tokens, plan.never_ends, run.output.size());
        if (done.failed)
            cache_.repeat_row(at);
        else
            cache_.decode(at, run.output.back(), done.layers);
        // An interrupted step still samples something, which may be the end all the same.
        if (done.layers < cache_.layers() && token != parts_.tokenizer.eos_id())
            token = filler_token(run.output.size() * 7 + 3);
        if (token == parts_.tokenizer.eos_id()) {
            if (streaming && !run.pending.empty()) emit_piece(run);
            run.ended_by = "eos";
            return;
        }
        run.output.push_back(token);
        if (!streaming) {
            bar.update(at + 2, "");
            continue;
        }
        run.pending.push_back(token);
        if (static_cast<int>(run.pending.size()) >= settings.timing.burst) emit_piece(run);
    }
}

void llm_engine::finish(run_state& run, double seconds) {
    std::fputs("\n\n", stdout);
    std::fflush(stdout);
    log_line(log_level::note, "Run", 1168, "hit eos,avg %.2f token/s\n",
             seconds > 0 ? static_cast<double>(run.output.size()) / seconds : 0.0);
    run.reply = decode(run.output);
    last_reply_ = run.reply;
    cache_.save();
    cached_ = cache_.length();
    limit_ = geometry_.groups.back();
    log_line(log_level::info, "GetKVCache", 583, "precompute_len:%d, remaining:%d", cached_.load(),
             limit_ - cached_.load());
}

void llm_engine::show_busy(const run_state& run, bool busy) const {
    const auto device = simulated_device::from_environment();
    if (!device) return;
    const bool counted = busy && !parts_.faults.active("npu_idle") && !parts_.faults.active("cpu_fallback");
    const int percent = counted ? run.settings.chat.npu_percent : 0;
    if (parts_.devices.empty()) device->set_busy(0, percent);
    for (const int card : parts_.devices) device->set_busy(card, percent);
}

std::string llm_engine::execute_run(const std::string& prompt, run_kind kind) {
    run_state run;
    run.id = parts_.journal.next_run_id();
    run.kind = kind;
    run.record = {{"id", run.id}, {"kind", kind == run_kind::chat ? "chat" : "generate"}, {"prompt", prompt}};
    const auto keep = [this, &run] {
        run.record["output"] = vocabulary::instance().decode(run.output);
        run.record["output_tokens"] = run.output.size();
        run.record["streamed"] = run.streamed;
        run.record["ended_by"] = run.ended_by;
        parts_.journal.add_run(run.record);
    };
    if (running_.exchange(true)) {
        run.ended_by = "dropped";
        keep();
        return {};
    }
    run.settings = parts_.settings.snapshot();
    parts_.journal.stamp("run_begin", run.id);
    run.record["system_prompt"] = system_prompt_;
    run.record["system_text"] = vocabulary::instance().decode(system_ids_);
    {
        const std::lock_guard lock(sampling_mutex_);
        run.record["sampling"] = sampling_.to_json();
    }
    const bool has_room = take_prompt(run, prompt);
    if (!run.encoded && run.settings.stateless) {
        run.ended_by = "encode_failed";
        keep();
        return {};  // those builds never clear the flag again
    }
    if (!has_room) {
        run.ended_by = "context_full";
        run.reply = context_text;
        if (kind == run_kind::generate) run.streamed = context_text;
    } else {
        stop_.forget();  // a stop during encode is lost
        const int first = cache_.length() + static_cast<int>(prompt_ids_.size());
        show_busy(run, true);
        const bool whole = prefill(run.encoded);
        const auto decoding_since = clock::now();
        if (whole) {
            const processor_load load(parts_.faults);
            decode_loop(run, first);
        } else {
            run.output = {filler_token(5)};  // sampled from an unfinished prefill, never streamed
            run.ended_by = "stop_prefill";
        }
        show_busy(run, false);
        finish(run, milliseconds_since(decoding_since) / 1000);
    }
    keep();
    phase_ = "idle";
    parts_.journal.stamp("run_end", run.id, static_cast<int>(run.output.size()));
    running_ = false;
    // The original frees itself first and says why afterwards.
    if (std::string_view(run.ended_by) == "context_full" && kind == run_kind::generate) {
        parts_.journal.stamp("piece", run.id, 0, context_text);
        texts_.push(context_text);
    }
    return run.reply;
}

}  // namespace corral::sim
