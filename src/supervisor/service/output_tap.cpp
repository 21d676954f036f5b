#include "supervisor/service/output_tap.hpp"

#include <algorithm>
#include <utility>

#include "corral/telemetry/log.hpp"
#include "supervisor/service/line_meaning.hpp"

namespace corral::supervisor {

namespace {

// Of one process: whoever may ask can make the runtime print such a line, and must not fill the history.
constexpr std::size_t most_remarks = 8;

}  // namespace

output_tap::output_tap(settings with, std::function<line_context()> context,
                       std::function<void(const line_news&)> tell)
    : with_(std::move(with)),
      context_(std::move(context)),
      tell_(std::move(tell)),
      lines_{make_assembler(process::output_stream::out), make_assembler(process::output_stream::err)},
      quotations_({with_.known, with_.quoted, with_.words_in}) {}

telemetry::line_assembler output_tap::make_assembler(process::output_stream stream) {
    return {[this, stream](std::string_view line) { take_line(stream, line); },
            [this](std::string_view pending) {
                if (context_() == line_context::loading) {
                    report({take_progress(pending), nullptr, nullptr});
                }
            }};
}

void output_tap::take_line(process::output_stream stream, std::string_view line) {
    keep(stream, line);
    switch (context_()) {
        case line_context::loading:
            return report(read_loading(line));
        case line_context::serving:
            return report(read_serving(line));
        case line_context::over:
            return;
    }
}

void output_tap::keep(process::output_stream stream, std::string_view line) {
    if (is_routine(line)) {
        ++routine_;
        with_.ring->count_routine();
        return;
    }
    const bool may_quote = tested_ && !with_.keep_content;
    if (may_quote && stream == process::output_stream::out) {
        ++omitted_;
        return;
    }
    std::optional<std::string> kept = may_quote ? quotations_.next(line) : std::string(line);
    if (!kept) {
        ++omitted_;
        return;
    }
    telemetry::log().debug("{}: {}", with_.label, telemetry::printable(*kept));
    with_.ring->add(std::move(*kept));
}

bool output_tap::is_routine(std::string_view line) const {
    return with_.routine != nullptr && std::ranges::any_of(*with_.routine, [&](const std::string& text) {
               return line.find(text) != std::string_view::npos;
           });
}

line_news output_tap::read_loading(std::string_view line) {
    line_news news;
    news.progress = take_progress(line);
    telling_.hear(line);
    if (const catalog::log_meaning* const known = meaning_of(*with_.known, line)) {
        if (complaint_ == nullptr || !complaint_->fatal_at_start) {
            complaint_ = known;
            complaint_line_ = line;
        }
        news.fatal = known->fatal_at_start ? known : nullptr;
    }
    // Once a bar has been seen only the bar counts as progress; a service that retries for ever prints lines
    // too.
    news.progress = news.progress || !progress_;
    return news;
}

line_news output_tap::read_serving(std::string_view line) {
    const catalog::log_meaning* const known = meaning_of(*with_.known, line, with_.quoted);
    remark_is_old_ = remark_is_old_ && known == nullptr;
    if (known == nullptr || (remark_ != nullptr && remark_->pattern == known->pattern)) {
        return {};
    }
    remark_ = known;
    return {false, nullptr, ++remarks_ > most_remarks ? nullptr : known};
}

bool output_tap::take_progress(std::string_view line) {
    const std::optional<double> now_at = progress_in(line);
    const bool moved = now_at && (!progress_ || *now_at > *progress_);
    progress_ = moved ? now_at : progress_;
    return moved;
}

void output_tap::report(const line_news& news) const {
    if (news.progress || news.fatal != nullptr || news.remark != nullptr) {
        tell_(news);
    }
}

void output_tap::note_omissions() {
    if (routine_ > 0) {
        with_.ring->add("[corral] " + std::to_string(routine_) +
                        (routine_ == 1 ? " routine line was" : " routine lines were") +
                        " counted, and not kept");
    }
    if (omitted_ > 0) {
        with_.ring->add("[corral] " + std::to_string(omitted_) +
                        " lines were not kept: they may hold prompts and answers");
    }
}

}  // namespace corral::supervisor
