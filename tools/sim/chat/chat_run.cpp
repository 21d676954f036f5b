#include "chat/chat_run.hpp"

#include <utility>

namespace corral::sim {

chat_run::step chat_run::next(std::string& text, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, patience, [this] { return ended_ || !pieces_.empty(); })) return step::nothing;
    if (pieces_.empty()) return step::end;
    text = std::move(pieces_.front());
    pieces_.pop_front();
    return step::piece;
}

void chat_run::cancel() {
    stop_.request();
}

void chat_run::has_read(const run_figures& prompt) {
    const std::lock_guard lock(mutex_);
    prompt_ = prompt;
}

void chat_run::push(const std::string& text) {
    {
        const std::lock_guard lock(mutex_);
        opened_ = opened_ || (marks_ && !text.starts_with("<think>"));
        if (opened_ && marks_) pieces_.emplace_back("<think>\n");
        marks_ = false;  // only the beginning is looked at
        pieces_.push_back(text);
    }
    wake_.notify_all();
}

void chat_run::finish(run_figures figures) {
    {
        const std::lock_guard lock(mutex_);
        figures_ = std::move(figures);
        if (opened_) {
            pieces_.emplace_back("\n</think>");
            figures_.text = "<think>\n" + figures_.text + "\n</think>";
        }
        ended_ = true;
    }
    wake_.notify_all();
}

}  // namespace corral::sim
