#pragma once
// A control group in the real hierarchy for a test, where this machine lets us make one.

#include <sys/prctl.h>
#include <sys/stat.h>

#include "corral/process/warden.hpp"
#include "process/children/child_cgroup.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {

class real_base : public testing::Test {
protected:
    void SetUp() override {
        const std::string groups = read_file("/proc/self/cgroup", 65536).value_or("");
        const std::string mounts = read_file("/proc/self/mountinfo", 1 << 20).value_or("");
        const std::string own = cgroup_folder(cgroup_path(groups), mounts);
        base_ = own + "/corral_test_" + std::to_string(::getpid());
        if (own.empty() || ::mkdir(base_.c_str(), 0755) != 0) {
            base_.clear();
            GTEST_SKIP() << "no control groups can be made here";
        }
        ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        set_cgroup_base(base_);
    }
    void TearDown() override {
        set_cgroup_base("");
        if (!base_.empty()) {
            EXPECT_TRUE(eventually([] { return reap_orphans() == 0 && children_of_this_process() == 0; }));
            ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
            EXPECT_EQ(::rmdir(base_.c_str()), 0) << "an empty group is left in " << base_;
        }
    }
    std::string group_text(const std::string& file) {
        return read_file(base_ + '/' + file, 4096).value_or("");
    }
    std::string base_;
    boost::asio::io_context loop_;
};

}  // namespace corral::process
