#pragma once
// Looks at the accelerators while answers are made: does the NPU compute them, or the host in its place? The
// verdict is device::compute_policy's; here are the looks at the device, at the processor time of the
// runtime's processes and at the requests that run, and what is said in the log.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corral/core/disk_work.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/device/compute_policy.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/backend.hpp"
#include "corral/telemetry/run_journal.hpp"

namespace corral::monitor {

class compute_watch {
public:
    // All borrowed, and outliving this; it hears of the journal's requests.
    compute_watch(core::task_group& tasks, const core::clock_source& clock, device::reader_set& tools,
                  telemetry::run_journal& journal);
    compute_watch(const compute_watch&) = delete;
    compute_watch& operator=(const compute_watch&) = delete;
    ~compute_watch();

    // Borrowed until forget(). Does nothing for a model whose device can't be asked, or need not be.
    void watch(engine::backend& runtime);
    void forget(const engine::backend& runtime);

    // As it stands; nullptr: it is not watched.
    [[nodiscard]] const device::compute_state* of(const engine::backend& runtime) const;
    // Of every set of processes whose last verdict is trouble: "model qwen3:4b: AICore 0 %, ...".
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    class watched;
    static core::awaitable<void> see(std::shared_ptr<watched> about);

    core::task_group& tasks_;
    const core::clock_source& clock_;
    device::reader_set& tools_;
    telemetry::run_journal& journal_;
    core::disk_work looking_;  // /proc of a busy box takes a while
    std::vector<std::shared_ptr<watched>> watched_;
};

// Its verdict is trouble that a person should repair.
[[nodiscard]] bool is_trouble(device::compute_verdict verdict) noexcept;

}  // namespace corral::monitor
