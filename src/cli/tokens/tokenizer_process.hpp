#pragma once
// A program that is started for one question and ended behind it, with all that it started.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/token_listing.hpp"
#include "corral/process/child.hpp"

namespace corral::cli {

struct tokenizer_answer {
    engine::token_listing tokens;
    core::nanoseconds start{0};  // until it answered anything
};

class asked_program {
public:
    asked_program(const asked_program&) = delete;
    asked_program& operator=(const asked_program&) = delete;
    virtual ~asked_program() = default;

    // Blocks as long as ask() does, and ten seconds at most for the end.
    [[nodiscard]] core::result<tokenizer_answer> run(const process::spawn_spec& command);

protected:
    static constexpr core::nanoseconds pause = std::chrono::milliseconds(20);

    asked_program() = default;

    // On the loop, while the program runs; the program may have ended already.
    [[nodiscard]] virtual core::awaitable<core::result<tokenizer_answer>> ask() = 0;
    virtual void hear(process::output_stream stream, std::string_view text);

    [[nodiscard]] core::steady_time now() const { return clock_.now(); }
    [[nodiscard]] core::executor executor() { return loop_.get_executor(); }
    [[nodiscard]] const std::optional<process::exit_reason>& ended() const noexcept { return ended_; }
    [[nodiscard]] bool is_silent() const noexcept { return open_streams_ == 0; }  // both are at their end
    [[nodiscard]] bool never_ran() const noexcept { return child_ && child_->failed_start().has_value(); }
    // ": " and the end of what it said, or nothing.
    [[nodiscard]] std::string last_words() const;

private:
    core::awaitable<void> whole();
    core::awaitable<void> listen(process::output_stream which);
    core::awaitable<void> notice_end();

    core::asio::io_context loop_{1};
    core::task_group tasks_{loop_.get_executor(), [](const std::string&, const std::string&) {}};
    const core::steady_clock_source clock_{};
    std::optional<process::child> child_;
    std::string said_;
    int open_streams_ = 2;
    std::optional<process::exit_reason> ended_;
    core::result<tokenizer_answer> answer_ = core::make_failure(core::errc::unavailable, {});
};

// A model's tokenizer service, started for one question and ended behind it: the one that runs beside a runtime has one
// thread, which the runtime waits for, and frees nothing that is asked of it.

// The service of that name in the model's profile; nullptr: its runtime has none of its own.
[[nodiscard]] const catalog::service_template* tokenizer_of(const catalog::model_entry& model);

// REQUIRES: tokenizer_of(model).
[[nodiscard]] core::result<tokenizer_answer> ask_tokenizer(const catalog::model_entry& model,
                                                           const chat::rendered_prompt& prompt);

// A tokenizer.json of the hub, read by the library that it is written for (`tokenizers`, of Hugging Face) in a Python of its
// own. It holds no program; what it can do is take time and memory, and both have a bound.

// The file that `said` names: a tokenizer.json, or the one in a folder. Nothing: neither is there.
[[nodiscard]] std::optional<std::filesystem::path> tokenizer_file(const std::string& path);

// The tokens of `text` as it stands, texts of control tokens being such tokens. The first of `pythons` that has the library
// reads the file.
[[nodiscard]] core::result<tokenizer_answer> ask_tokenizer_file(
    const std::filesystem::path& file, const std::vector<std::string>& pythons, const std::string& text,
    core::nanoseconds patience = std::chrono::minutes(2));

}  // namespace corral::cli
