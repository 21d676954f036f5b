#pragma once
// What one process prints: cut into lines, kept for people as far as it may be kept, and read for what it means
// to the service. Once its first test has begun a line may echo a prompt word for word
// (docs/facts/vendor_ax.md#start), so from there on nothing of its standard output is kept or believed to be progress.

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/process/child.hpp"
#include "corral/telemetry/output_lines.hpp"
#include "supervisor/service/line_meaning.hpp"
#include "supervisor/service/quotations.hpp"

namespace corral::supervisor {

// What the process is doing for the service; decides what its lines can mean.
enum class line_context {
    loading,  // before its first test
    serving,
    over  // its end is wanted or has come: its complaints mean nothing
};

struct line_news {
    bool progress = false;
    const catalog::log_meaning* fatal = nullptr;   // the start is lost
    const catalog::log_meaning* remark = nullptr;  // a known line while serving, for the history
};

class output_tap {
public:
    struct settings {
        const std::vector<catalog::log_meaning>* known = nullptr;  // not null, like the ring
        telemetry::line_ring* ring = nullptr;
        std::string label;          // for our log
        bool keep_content = false;  // prompts and answers may be kept
        // See service_spec::quoted.
        std::function<bool(std::string_view words)> quoted{};
        const std::vector<std::string>* routine = nullptr;  // as service_template::routine; nullptr: none is
        // See service_spec::words_in.
        std::function<std::size_t(std::string_view line)> words_in{};
    };
    // `context` is asked before each line, `tell` hears what one means. Both are called by feed() and finish().
    output_tap(settings with, std::function<line_context()> context,
               std::function<void(const line_news&)> tell);
    output_tap(const output_tap&) = delete;
    output_tap& operator=(const output_tap&) = delete;

    void feed(process::output_stream stream, std::string_view bytes) { assembler(stream).feed(bytes); }
    void finish(process::output_stream stream) { assembler(stream).finish(); }
    // Its output may hold prompts from here on.
    void first_test_begins() noexcept { tested_ = true; }
    [[nodiscard]] bool first_test_has_begun() const noexcept { return tested_; }
    // Says in the ring what was left out of it.
    void note_omissions();

    [[nodiscard]] std::optional<double> progress() const noexcept { return progress_; }  // of loading, 0..1
    // The last known line of trouble while loading; nullptr: none.
    [[nodiscard]] const catalog::log_meaning* complaint() const noexcept { return complaint_; }
    // The line of one that ends a start, else the one that tells most of those before the first test; may be empty.
    [[nodiscard]] const std::string& said() const noexcept {
        return complaint_ != nullptr && complaint_->fatal_at_start ? complaint_line_ : telling_.line();
    }
    // The last known line while serving, maybe a prompt's words; nullptr: none.
    [[nodiscard]] const catalog::log_meaning* remark() const noexcept { return remark_; }
    // An answer came to a good end. The first may be the one in which it was printed.
    void note_good_answer() noexcept {
        remark_ = remark_is_old_ ? nullptr : remark_;
        remark_is_old_ = true;
    }

private:
    void take_line(process::output_stream stream, std::string_view line);
    void keep(process::output_stream stream, std::string_view line);
    [[nodiscard]] bool is_routine(std::string_view line) const;
    [[nodiscard]] line_news read_loading(std::string_view line);
    [[nodiscard]] line_news read_serving(std::string_view line);
    [[nodiscard]] bool take_progress(std::string_view line);
    void report(const line_news& news) const;
    [[nodiscard]] telemetry::line_assembler& assembler(process::output_stream stream) {
        return lines_[static_cast<std::size_t>(stream)];
    }
    [[nodiscard]] telemetry::line_assembler make_assembler(process::output_stream stream);

    settings with_;
    std::function<line_context()> context_;
    std::function<void(const line_news&)> tell_;
    std::array<telemetry::line_assembler, 2> lines_;  // by output_stream
    quotations quotations_;                           // of standard error
    bool tested_ = false;
    std::optional<double> progress_;
    const catalog::log_meaning* complaint_ = nullptr;
    std::string complaint_line_;
    telling_line telling_;
    const catalog::log_meaning* remark_ = nullptr;
    bool remark_is_old_ = false;
    std::size_t remarks_ = 0;
    std::size_t omitted_ = 0;
    std::size_t routine_ = 0;
};

}  // namespace corral::supervisor
