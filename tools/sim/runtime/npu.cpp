#include "runtime/npu.hpp"

#include <thread>

#include "process_end.hpp"
#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

}  // namespace

void npu::complain(const char* phase, int count) {
    if (!faults_.waits_at("engine_error", phase, count)) return;
    for (int i = 0; i < layers_; ++i) log_line(log_level::error, "inference", 526, "AX_ENGINE_Execute");
}

bool npu::work(double ms, const char* phase, int count, stop_flag* stop) {
    obey_end_faults(faults_, phase, count);
    while (faults_.waits_at("device_hang", phase, count)) std::this_thread::sleep_for(20ms);
    double factor = 1;
    if (const auto slow = faults_.fire("device_slow")) factor = slow->value("factor", 10.0);
    const auto time = std::chrono::nanoseconds(static_cast<std::int64_t>(ms * factor * 1e6));
    bool whole = true;
    if (stop != nullptr)
        whole = stop->sleep(time);
    else
        std::this_thread::sleep_for(time);
    complain(phase, count);
    return whole;
}

}  // namespace corral::sim
