#pragma once
// What the supervisor borrows from its owner.

#include <memory>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/process/warden.hpp"
#include "corral/supervisor/box_activity.hpp"
#include "corral/supervisor/fixed_ports.hpp"

namespace corral::device {
class reader_set;
}

namespace corral::supervisor {

struct supervisor_context {
    core::executor on;
    const core::clock_source* clock = nullptr;  // not null, like all below
    core::random_source* random = nullptr;
    process::warden* guard = nullptr;
    core::task_group* tasks = nullptr;  // owns the group's coroutines; outlives the group
    bool log_content = false;           // may vendor output appear in our log
    // Null: no device is looked at before a start.
    device::reader_set* devices = nullptr;
    // Null: no file is looked at before a start.
    core::disk_work* disk = nullptr;
    // Where the Pythons of services keep their byte code: none is read or written beside the files of a package. Below a
    // device nothing can be kept.
    std::string bytecode_folder = "/dev/null";
    // Shared by all copies.
    std::shared_ptr<fixed_ports> ports = std::make_shared<fixed_ports>();
    // Looks through all processes, a lane for each service. Shared too.
    std::shared_ptr<core::disk_work> searches = std::make_shared<core::disk_work>();
    // Shared too.
    std::shared_ptr<box_activity> activity = std::make_shared<box_activity>();
};

}  // namespace corral::supervisor
