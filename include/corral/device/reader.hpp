#pragma once
// Asks a device how it is, through its vendor's status tool. The tool is a child with a deadline, for it
// talks to the driver and may hang with it; one runs at a time, whoever asks, and an answer is good for a
// moment, because a call costs 0.6 s (docs/facts/vendor_ax.md#axcl-smi-calls). A board's own files are read
// the same way (`cat`): behind them is a driver too.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/time.hpp"
#include "corral/device/report.hpp"
#include "corral/process/warden.hpp"

namespace corral::device {

enum class look_problem {
    none,
    tool_missing,  // not there, or can't run here; nothing is known of the device
    tool_fails,    // ended with a failure
    hangs,         // gave no answer in time: the driver does not answer
    unreadable,    // answered something else than its format
};

struct device_look {
    core::steady_time at;  // when it was asked
    look_problem problem = look_problem::none;
    std::string message;   // of a problem: one plain sentence, without a full stop
    device_report report;  // without a problem
};

// A way of asking.
struct reader_options {
    std::vector<std::string> command;                // {card} in it already replaced
    std::map<std::string, std::string> environment;  // added to the clean one
    std::string format;                              // of report_formats()
    unsigned card = 0;
    core::milliseconds timeout{5000};  // of one call
    bool operator==(const reader_options&) const = default;
};

struct reader_context {
    core::executor on;
    const core::clock_source* clock = nullptr;  // not null, like all below
    process::warden* guard = nullptr;
    core::disk_work* disk = nullptr;  // looks at the tool's file; null: the loop does
};

class reader {
public:
    // REQUIRES: find_report_format(how.format).
    reader(const reader_context& context, reader_options how);
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    ~reader();

    // An answer that is at most a second old and to a question asked at or after `since`; a new one takes up
    // to twice the time-out. Cancelled, it throws like any wait, and a tool under way is killed. REQUIRES:
    // *this outlives the wait.
    [[nodiscard]] core::awaitable<device_look> look(core::steady_time since = {});
    // The last answer, of any age; nullptr before the first.
    [[nodiscard]] const device_look* last() const noexcept;
    [[nodiscard]] const reader_options& options() const noexcept;

    // Counts what changes the device's memory on purpose (a start, an end), whoever does it: figures from
    // before and after can only be compared while the count stands still.
    [[nodiscard]] std::uint64_t changes() const noexcept;
    std::uint64_t count_change() noexcept;
    // A tool is under way.
    [[nodiscard]] bool busy() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

// The readers of this process, one for each way of asking, so that models on one card share it. One that
// is not held any more, as after a reload, is forgotten.
class reader_set {
public:
    explicit reader_set(const reader_context& context) : context_(context) {}
    [[nodiscard]] std::shared_ptr<reader> find_or_make(const reader_options& how);
    // In the order in which they were made.
    [[nodiscard]] const std::vector<std::shared_ptr<reader>>& all() const;

private:
    reader_context context_;
    mutable std::vector<std::shared_ptr<reader>> readers_;
};

}  // namespace corral::device
