#pragma once
// A control group (v2) for a child, below our own one: whatever the child begets is in it and can only leave it on
// purpose, so all of it ends with one write. Only where our own group is ours to divide, as a unit with `Delegate=yes`
// makes it; elsewhere the birthmark has to do, and no start fails for want of a group. Processes that we did not start
// are never moved.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "corral/core/owned_fd.hpp"
#include "process/children/run_token.hpp"

namespace corral::process {

// Whose a folder is, by its name: number and start time of the daemon that made it, and which child's or model's it is.
struct cgroup_name {
    pid_t daemon = 0;
    std::uint64_t daemon_start = 0;
    unsigned serial = 0;
    std::string model{};  // model_part() of the group of a model; the serial is nothing then
    bool operator==(const cgroup_name&) const = default;
};
[[nodiscard]] std::string text_of(const cgroup_name& name);
[[nodiscard]] std::optional<cgroup_name> parse_cgroup_name(std::string_view text);

// That of this process, for serial 0.
[[nodiscard]] std::optional<cgroup_name> own_cgroup_name();
// That folder lies in the group of a model.
[[nodiscard]] bool is_in_model_cgroup(const std::string& folder);
// False, with errno, where the file is not there or refuses the text.
[[nodiscard]] bool write_group_file(const std::string& file, std::string_view text);

// The path below the root of all v2 groups in the text of a /proc/<pid>/cgroup; empty: none.
[[nodiscard]] std::string cgroup_path(std::string_view cgroup_text);
// The folder of that path, by the text of /proc/self/mountinfo; empty: it can't be seen from here.
[[nodiscard]] std::string cgroup_folder(std::string_view path, std::string_view mountinfo);
// Whether the group of that folder is ours to divide. The root of all groups is never ours, and one of a service manager is only
// where it says so.
[[nodiscard]] bool is_delegated(const std::string& folder);
// A service manager says so.
[[nodiscard]] bool is_given(const std::string& folder);

// The folder where children get their groups; empty: nowhere. Looked for once.
[[nodiscard]] const std::string& cgroup_base();
// Another one, for tests.
void set_cgroup_base(std::string folder);

class child_cgroup {
public:
    // A new group below `parent`, or below cgroup_base(); nothing: there is no place for one.
    [[nodiscard]] static std::optional<child_cgroup> make(const std::string& parent = cgroup_base());
    // The group that an earlier image of this process gave to that child.
    [[nodiscard]] static std::optional<child_cgroup> of(pid_t child);
    explicit child_cgroup(std::string folder) : folder_(std::move(folder)) {}

    // The folder, open; closed on exec.
    [[nodiscard]] core::owned_fd door() const;
    // SIGKILLs all that is in it; true: nothing was.
    [[nodiscard]] bool kill_all() const;
    // False while something is in it. The group of the model goes with the last one.
    bool remove() const;
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

private:
    [[nodiscard]] bool populated() const;
    std::string folder_;
};

// Ends and removes, within a second or two, what daemons that are gone have left below `base`. `ending`: a daemon that
// may just be ending; for its groups the end is awaited as long, and they stay when it goes on. Returns how many groups
// had something alive in them at first.
std::size_t clear_stale_cgroups(const std::string& base,
                                const std::optional<run_token>& ending = std::nullopt);

}  // namespace corral::process
