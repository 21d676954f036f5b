#include "supervisor/service/listener_policy.hpp"

namespace corral::supervisor {

namespace {

std::string describe(const process::listening_socket& row) {
    if (row.owner == 0) {
        return "a process of another user";
    }
    const std::string program = row.program.empty() ? "a program" : row.program;
    return program + " (pid " + std::to_string(row.owner) + ")";
}

}  // namespace

listener_judgement judge_listeners(const std::vector<process::listening_socket>& rows,
                                   const std::function<bool(pid_t)>& is_ours) {
    listener_judgement judgement;
    for (const process::listening_socket& row : rows) {
        if (row.elsewhere || (!row.loopback && !row.any_address)) {
            continue;
        }
        if (row.owner == 0) {
            if (judgement.what != listener_finding::foreign) {
                judgement.what = listener_finding::unknown;
                judgement.who = core::reason::unlisted(describe(row));
            }
        } else if (!is_ours(row.owner)) {
            if (judgement.what != listener_finding::foreign) {
                judgement.what = listener_finding::foreign;
                judgement.who = core::reason::unlisted(describe(row));
            }
        } else {
            judgement.every_interface = judgement.every_interface || row.any_address;
            if (judgement.what == listener_finding::none) {
                judgement.what = listener_finding::ours;
            }
        }
    }
    return judgement;
}

}  // namespace corral::supervisor
