// The box proves to itself, while nobody waits, that a turn behind the cache is the same as one computed anew.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/keyed_hash.hpp"
#include "corral/core/private_file.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"

namespace corral::engine::ax_poll {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds idle_before{2};  // a request cuts it short within a piece
constexpr core::seconds most_of_a_turn{120};
constexpr core::seconds disk_patience{30};
constexpr unsigned most_tries = 20;  // of those that requests cut short
constexpr std::uint32_t tokens_of_an_answer = 24;
constexpr std::size_t most_files = 20'000;
constexpr std::string_view owner_of_it = "\x01proof";  // nobody's key

constexpr std::string_view questions[] = {"Name five rivers and say where each of them flows.",
                                          "Which of them is the longest?",
                                          "Tell me one thing more about it."};

class silent_sink final : public run_sink {
public:
    void on_text(std::string_view /*piece*/, const run_progress& /*now*/) override {}
};

void feed_file(core::keyed_hash& hash, const fs::path& file) {
    struct stat about {};
    if (::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode)) {
        hash.feed_part(file.string());
        hash.feed_part(fmt::format("{} {} {}", about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec));
    }
}

// Blocking. Names the runtime's programs and the package by path, size and time.
std::string key_of(const fs::path& package, const std::vector<std::string>& command) {
    core::keyed_hash hash(core::keyed_hash::key{});  // no secret: the same for the next process
    for (const std::string& word : command) {
        const fs::path file = word.starts_with('/') ? fs::path(word) : package / word;
        if (word.find('{') == std::string::npos) {
            hash.feed_part(word);
        }
        feed_file(hash, file);
    }
    std::vector<fs::path> files;
    std::error_code unreadable;
    fs::recursive_directory_iterator entry(package, fs::directory_options::skip_permission_denied,
                                           unreadable);
    for (; !unreadable && entry != fs::recursive_directory_iterator() && files.size() < most_files;) {
        files.push_back(entry->path());
        entry.increment(unreadable);
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        if (file.string().find("__pycache__") == std::string::npos) {
            feed_file(hash, file);
        }
    }
    return fmt::format("{:016x}", hash.result());
}

std::string today() {
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string asked(const chat::family& format, std::string_view question) {
    std::string out(format.turn_open);
    out.append(format.user_header).append(question).append(format.turn_close);
    out.append(format.turn_open).append(format.assistant_header).append(format.thinking_skipped);
    return out;
}

}  // namespace

// What the proof task shares with its backend.
struct ax_poll_backend::proof_task {
    explicit proof_task(const core::executor& on) : bell(on) {}
    core::wake_signal bell;  // a run, an end, or the stop
    bool running = false;
    bool closed = false;
    run_control* turn = nullptr;  // of the proof
};

// Of a task that waits, nothing of the backend is touched any more.
void ax_poll_backend::close_proof() {
    if (proof_task_) {
        proof_task_->closed = true;
        proof_task_->bell.ring();
    }
}

void ax_poll_backend::wake_proof() {
    if (proof_task_) {
        proof_task_->bell.ring();
    }
}

void ax_poll_backend::yield_proof() {
    last_use_ = context_.clock->now();
    if (proof_task_ && proof_task_->turn != nullptr) {
        proof_task_->turn->cancel();
    }
}

void ax_poll_backend::begin_proof() {
    const bool wanted =
        model_.reuse == catalog::reuse_policy::automatic && !keeps_nothing() && takes_verbatim();
    if (!wanted || proof_.says != reuse_proof::verdict::open || (proof_task_ && proof_task_->running)) {
        return;
    }
    proof_task_ = std::make_shared<proof_task>(context_.on);
    proof_task_->running = true;
    last_use_ = context_.clock->now();
    context_.tasks->spawn("reuse of " + catalog::label_of(model_), prove_when_idle(proof_task_));
}

core::awaitable<void> ax_poll_backend::end_proof(core::deadline until) {
    const std::shared_ptr<proof_task> task = proof_task_;
    if (!task) {
        co_return;
    }
    close_proof();
    if (task->turn != nullptr) {
        task->turn->cancel();
    }
    while (task->running && !until.passed(context_.clock->now())) {
        (void)co_await task->bell.wait(until);
    }
}

core::awaitable<void> ax_poll_backend::prove_when_idle(std::shared_ptr<proof_task> task) {
    auto recalling = recall_proof(task);
    const std::string kept = co_await std::move(recalling);
    for (unsigned tries = 0;
         !task->closed && proof_.says == reuse_proof::verdict::open && tries < most_tries;) {
        const core::steady_time due = last_use_ + idle_before;
        if (cycle_.busy() || context_.clock->now() < due) {
            const core::steady_time next = cycle_.busy() ? context_.clock->now() + core::seconds{1} : due;
            const core::wake_reason why = co_await task->bell.wait(core::deadline{next});
            if (why == core::wake_reason::cancelled) {
                break;
            }
            continue;
        }
        if (epochs_.runtime().state != supervisor::service_state::ready) {
            break;  // the next start begins another
        }
        ++tries;
        auto proving = prove(task);
        const bool whole = co_await std::move(proving);
        if (whole) {
            break;
        }
    }
    if (!task->closed && proof_.says != reuse_proof::verdict::open && !kept.empty()) {
        auto keeping = keep_proof(kept);
        co_await std::move(keeping);
    }
    task->running = false;
    task->bell.ring();
}

// The file of this runtime and package; empty: there is no place for one, or it has told already.
core::awaitable<std::string> ax_poll_backend::recall_proof(std::shared_ptr<proof_task> task) {
    if (model_.files_folder.empty() || context_.disk == nullptr) {
        co_return std::string{};
    }
    std::vector<std::string> command;
    for (const catalog::service_template& service : model_.runtime.services) {
        command.insert(command.end(), service.command.begin(), service.command.end());
    }
    std::function<std::pair<std::string, std::string>()> work = [package = model_.package, command,
                                                                 folder = model_.files_folder] {
        const fs::path file = folder / ("reuse-" + key_of(package, command) + ".json");
        const auto text = core::read_private_file(file);
        return std::pair{file.string(), text ? text->text : std::string{}};
    };
    const core::deadline until = core::deadline::after(disk_patience, context_.clock->now());
    auto reading = context_.disk->run(model_.files_folder.string(), std::move(work), until);
    const auto got = co_await std::move(reading);
    if (task->closed || !got) {
        co_return std::string{};
    }
    const auto known = proof_of(got->second);
    if (known) {
        proof_ = *known;
        changed_.ring();
        co_return std::string{};
    }
    co_return got->first;
}

core::awaitable<void> ax_poll_backend::keep_proof(std::string file) {
    const std::string name = catalog::label_of(model_);
    std::function<std::string()> work = [file, text = text_of(proof_)] {
        const auto folder = core::make_private_folder(fs::path(file).parent_path());
        if (!folder) {
            return folder.error().message;
        }
        const auto written = core::replace_private_file(
            file, {.text = text, .mode = 0600, .owner = ::geteuid(), .group = ::getegid()});
        return written ? std::string{} : written.error().message;
    };
    const core::deadline until = core::deadline::after(disk_patience, context_.clock->now());
    auto writing = context_.disk->run(model_.files_folder.string(), std::move(work), until);
    const auto got = co_await std::move(writing);
    const std::string why = got ? *got : got.error().message;
    if (!why.empty()) {
        telemetry::log().warn(
            "{}: the comparison of its cache is not kept, and is made again after a restart: {}", name, why);
    }
}

// One turn with these ids; empty: it was cut short, or did not go as meant.
core::awaitable<ax_poll_backend::proof_turn> ax_poll_backend::play(std::shared_ptr<proof_task> task,
                                                                   std::string text) {
    proof_turn out;
    run_spec what;
    what.id = "reuse-proof";
    what.owner = owner_of_it;
    what.prompt.verbatim = true;
    what.prompt.turns = std::move(text);
    what.sampling.temperature = 0.0;
    what.max_tokens = tokens_of_an_answer;
    what.until = core::deadline::after(most_of_a_turn, context_.clock->now());
    silent_sink sink;
    run_control control(context_.on);
    task->turn = &control;
    std::function<void(const run_outcome&)> nobody;
    run_outcome got;
    got = co_await cycle_.run(std::move(what), sink, control, std::move(nobody), true);
    task->turn = nullptr;
    const bool ended = got.end == run_end::stop || got.end == run_end::length;
    out.cut_short = control.cancelled();
    if (ended && !out.cut_short && !task->closed) {
        out.continued = got.progress.usage.cached_tokens > 0;
        out.prompt = cycle_.whole();
        out.answer = places_.tap->tokens().all();
    }
    co_return out;
}

// True: there is no sense in another try.
core::awaitable<bool> ax_poll_backend::prove(std::shared_ptr<proof_task> task) {
    const chat::family& format = *chat::find_family(model_.family);
    std::vector<std::string> texts;
    std::vector<proof_turn> behind;
    std::vector<token_ids> first;
    std::vector<token_ids> second;
    proving_ = true;
    bool cut_short = false;
    bool as_meant = true;
    for (const std::string_view question : questions) {
        std::string text(format.bos);
        if (!texts.empty() && cycle_.spoken()) {
            text = cycle_.spoken()->text;
            text.append(format.assistant_end).append(format.turn_close);
        }
        text += asked(format, question);
        texts.push_back(text);
        auto playing = play(task, std::move(text));
        proof_turn got = co_await std::move(playing);
        cut_short = got.cut_short || task->closed;
        as_meant = !got.answer.empty() && got.continued == (texts.size() > 1);
        if (cut_short || !as_meant) {
            break;
        }
        behind.push_back(std::move(got));
    }
    // The last turn first: what the cache holds then is longer than each of these prompts.
    for (std::size_t i = behind.size(); i-- > 1 && !cut_short && as_meant;) {
        std::string text = texts[i];
        verbatim_.keep(text, behind[i].prompt);
        auto playing = play(task, std::move(text));
        const proof_turn got = co_await std::move(playing);
        cut_short = got.cut_short || task->closed;
        as_meant = !got.answer.empty() && !got.continued && got.prompt == behind[i].prompt;
        first.push_back(behind[i].answer);
        second.push_back(got.answer);
    }
    proving_ = false;
    if (cut_short) {
        co_return false;
    }
    if (as_meant) {
        std::reverse(first.begin(), first.end());
        std::reverse(second.begin(), second.end());
        proof_ = compare_answers(first, second, today());
    } else {
        proof_ = {reuse_proof::verdict::open,
                  "The comparison on this box did not get to an end; it is made again after the next start."};
    }
    telemetry::log().info("{}: {}", catalog::label_of(model_), proof_.why);
    changed_.ring();
    co_return true;
}

}  // namespace corral::engine::ax_poll
