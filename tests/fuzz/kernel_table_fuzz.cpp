// What the kernel tells of processes and sockets: stat and environ files, rows of /proc/net/tcp, netlink dumps. A process
// chooses its own name and environment, so these bytes are foreign too.

#include <algorithm>

#include "fuzz/fuzz_input.hpp"
#include "process/children/child_cgroup.hpp"
#include "process/ports/tcp_table.hpp"
#include "process/proc_files.hpp"

using namespace corral;

namespace {

void read_stat(std::string_view text) {
    const auto row = process::parse_process(text);
    if (!row) {
        return;
    }
    tests::demand(std::atoll(std::string(text).c_str()) == row->pid, "the number comes first");
    const auto close = text.rfind(") ");
    tests::demand(text[close + 2] == row->state, "a name can't forge the state");
}

void read_environment(std::string_view text) {
    const auto found = process::variable_in(text, "CORRAL_TOKEN");
    tests::demand(!found || text.find("CORRAL_TOKEN=" + *found) != std::string_view::npos, "it stands there");
    tests::demand(!found || found->find('\0') == std::string::npos, "one variable, and no more");
}

void read_dump(std::string_view part) {
    std::vector<process::tcp_listener_row> rows;
    static_cast<void>(process::take_listener_part(part, rows));
    tests::demand(rows.size() * 72 <= part.size() + 72, "no more rows than bytes for them");
}

// The table of mounts behind the first empty line.
void read_groups(std::string_view text) {
    const auto cut = std::min(text.find("\n\n"), text.size());
    const std::string path = process::cgroup_path(text.substr(0, cut));
    tests::demand(path.empty() || path.starts_with('/'), "a path begins at the root");
    const std::string folder = process::cgroup_folder(path, text.substr(cut));
    tests::demand(folder.empty() || (folder.starts_with('/') && !path.starts_with("/..")),
                  "a folder in sight");
    const auto name = process::parse_cgroup_name(text);
    tests::demand(!name || process::parse_cgroup_name(process::text_of(*name)) == name,
                  "a name reads as written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    switch (input.choice() % 8) {
        case 0:
            read_stat(input.rest());
            break;
        case 1:
            read_environment(input.rest());
            break;
        case 2:
            static_cast<void>(process::parse_tcp_listener(input.rest()));
            break;
        case 4:
            read_groups(input.rest());
            break;
        default:
            read_dump(input.rest());
            break;
    }
    return 0;
}
