#include "runtime/npu.hpp"

#include <algorithm>
#include <thread>

#include "process_end.hpp"
#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

}  // namespace

int npu::failing_calls(const char* phase, int count) const {
    if (!faults_.waits_at("engine_error", phase, count)) return 0;
    const auto nothing = nlohmann::json::object();
    const auto args = faults_.active_faults().value("engine_error", nothing).value("args", nothing);
    const int calls = args.value("calls", 0);
    if (calls == 0) return layers_;
    return count == args.value("after", 0) ? calls : 0;
}

bool npu::complain(const char* phase, int count) {
    const int calls = failing_calls(phase, count);
    for (int i = 0; i < calls; ++i) log_line(log_level::error, "inference", 526, "AX_ENGINE_Execute");
    return calls > 0;
}

npu::step npu::work(double ms, const char* phase, int count, stop_flag* stop) {
    obey_end_faults(faults_, phase, count);
    while (faults_.waits_at("device_hang", phase, count)) {
        hangs_ = true;
        std::this_thread::sleep_for(20ms);
    }
    hangs_ = false;
    double factor = 1;
    if (const auto slow = faults_.fire("device_slow")) factor = slow->value("factor", 10.0);
    const auto time = std::chrono::nanoseconds(static_cast<std::int64_t>(ms * factor * 1e6));
    step out{layers_};
    if (stop == nullptr) {
        std::this_thread::sleep_for(time);
    } else if (stop->requested()) {
        out = {0, true};
    } else {
        const auto begin = std::chrono::steady_clock::now();
        if (!stop->sleep(time)) {
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
            const std::chrono::duration<double> whole = time;
            out.stopped = true;
            out.layers = std::min(layers_, static_cast<int>(taken / whole * layers_) + 1);
        }
    }
    out.failed = complain(phase, count);
    return out;
}

}  // namespace corral::sim
