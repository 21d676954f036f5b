#include "cli/bench/bench_history.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <unistd.h>

#include "corral/config/server_places.hpp"
#include "corral/core/files.hpp"

namespace corral::cli {

namespace fs = std::filesystem;

fs::path history_file(const std::map<std::string, std::string>& environment) {
    const fs::path state = config::usual_state_directory(environment);
    return state.empty() ? fs::path() : state / "bench" / "history.jsonl";
}

core::result<std::vector<bench::kept_run>> kept_runs(const fs::path& file) {
    const core::result<core::private_file> kept = core::read_private_file(file);
    if (!kept) {
        const bool none = file.empty() || kept.error().code == std::errc::no_such_file_or_directory;
        return none ? core::result<std::vector<bench::kept_run>>(std::vector<bench::kept_run>{})
                    : core::result<std::vector<bench::kept_run>>(kept.error());
    }
    return bench::read_history(kept->text);
}

std::vector<bench::kept_run> earlier_runs(const fs::path& file, const bench::run_record& run) {
    constexpr std::size_t most = 20;
    const auto all = kept_runs(file);
    return all ? bench::comparable(*all, bench::kept_of(run), most) : std::vector<bench::kept_run>{};
}

core::result<void> keep_run(const fs::path& file, const bench::run_record& run) {
    constexpr std::chrono::milliseconds pause{100};
    constexpr int tries = 50;
    const core::result<void> made = core::make_private_folder(file.parent_path());
    if (!made) {
        return made.error();
    }
    core::result<core::folder_lock> lock = core::folder_lock::take(file.parent_path());
    for (int i = 0; !lock && i < tries; ++i) {
        std::this_thread::sleep_for(pause);
        lock = core::folder_lock::take(file.parent_path());
    }
    if (!lock) {
        return lock.error();
    }
    core::result<std::vector<bench::kept_run>> all = kept_runs(file);
    if (!all) {
        return all.error();
    }
    core::private_file with;
    with.text = bench::history_lines(bench::with_run(std::move(*all), bench::kept_of(run)));
    with.owner = ::geteuid();
    with.group = ::getegid();
    return core::replace_private_file(file, with);
}

}  // namespace corral::cli
