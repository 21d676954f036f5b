#include "corral/process/program_check.hpp"

#include <elf.h>
#include <gmock/gmock.h>

#include "corral/process/elf_file.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using testing::HasSubstr;

class check_program_ : public testing::Test {
protected:
    program_fault fault_of(const spawn_spec& what) {
        auto fault = check_program(what);
        if (!fault) {
            return {"none", core::reason::unlisted(""), ""};
        }
        EXPECT_FALSE(fault->advice.empty());
        EXPECT_EQ(fault->message.text().find('\n'), std::string::npos);
        return *fault;
    }
    program_fault fault_of_content(const std::string& content, bool executable = true) {
        return fault_of(spec_of({folder_.write("main_api_ax650", content, executable)}));
    }
    static std::string own_program() { return read_file("/bin/true", 1U << 24).value_or(""); }
    scratch_folder folder_;
};

TEST_F(check_program_, finds_nothing_wrong_with_good_programs) {
    EXPECT_EQ(fault_of(spec_of({"true"})).id, "none");
    EXPECT_EQ(fault_of(spec_of({helper_program})).id, "none");
    EXPECT_EQ(fault_of_content("#!/bin/sh\n").id, "none");
    EXPECT_EQ(fault_of_content("#! /usr/bin/env python3\n").id, "none");
    EXPECT_EQ(fault_of_content(own_program()).id, "none");
}

TEST_F(check_program_, names_the_size_that_a_git_lfs_pointer_stands_for) {
    const std::string pointer =
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:3558444d3558444d3558444d3558444d3558444d3558444d3558444d3558444d\nsize 1816560\n";
    for (const bool executable : {true, false}) {
        const program_fault fault = fault_of_content(pointer, executable);
        EXPECT_EQ(fault.id, "lfs-pointer");
        EXPECT_THAT(fault.message, HasSubstr("1816560 bytes"));
        EXPECT_THAT(fault.advice, HasSubstr("git lfs pull"));
    }
}

TEST_F(check_program_, names_both_machines) {
    std::string foreign = own_program();
    ASSERT_GT(foreign.size(), 64U);
    foreign[18] = static_cast<char>(EM_SPARCV9);
    const program_fault fault = fault_of_content(foreign);
    EXPECT_EQ(fault.id, "wrong-architecture");
    EXPECT_THAT(fault.message, HasSubstr("machine 43"));
    EXPECT_THAT(fault.message, HasSubstr(machine_name(machine_here())));
}

TEST_F(check_program_, sees_every_kind_of_cut) {
    const std::string whole = own_program();
    for (const std::size_t length :
         {std::size_t{10}, std::size_t{64}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
        EXPECT_EQ(fault_of_content(whole.substr(0, length)).id, "truncated") << length;
    }
}

TEST_F(check_program_, says_what_stands_in_the_place_of_a_program) {
    EXPECT_EQ(fault_of_content("").id, "empty");
    const program_fault text = fault_of_content("Invalid username or password.");
    EXPECT_EQ(text.id, "not-a-program");
    EXPECT_THAT(text.message, HasSubstr("'Invalid username or password.'"));
    EXPECT_THAT(fault_of_content("\n<!DOCTYPE html>\n<html>").message, HasSubstr("web page"));
    EXPECT_EQ(fault_of_content(std::string("\x01\x02\x00\x03", 4)).id, "not-a-program");
    EXPECT_EQ(fault_of(spec_of({folder_.path()})).id, "not-a-program") << "a directory";
}

TEST_F(check_program_, never_shows_control_bytes_of_a_file) {
    EXPECT_EQ(fault_of_content("a\x1B[31mb\r\n").message.text().find('\x1B'), std::string::npos);
}

TEST_F(check_program_, misses_what_is_missing) {
    EXPECT_EQ(fault_of(spec_of({folder_.path("absent")})).id, "missing");
    EXPECT_EQ(fault_of(spec_of({"no-such-program-at-all"})).id, "missing");
    EXPECT_EQ(fault_of(spec_of({})).id, "no-command");
    EXPECT_EQ(fault_of_content("#!/no/such/interpreter\n").id, "missing-interpreter");
    EXPECT_EQ(fault_of_content("#!/usr/bin/env no-such-interpreter\n").id, "missing-interpreter");
    const program_fault windows = fault_of_content("#!/bin/sh\r\necho\r\n");
    EXPECT_EQ(windows.id, "missing-interpreter");
    EXPECT_THAT(windows.message, HasSubstr("Windows line ends"));
    const auto quoted = fault_of(spec_of({folder_.write("a; b", "#!/bin/sh\r\necho\r\n", true)}));
    EXPECT_THAT(quoted.advice, testing::EndsWith("/a; b'"));
    EXPECT_THAT(quoted.advice, testing::StartsWith("run: sed -i 's/\\r$//' '/"));
}

TEST_F(check_program_, wants_the_execute_permission) {
    const program_fault fault = fault_of_content("#!/bin/sh\n", false);
    EXPECT_EQ(fault.id, "not-executable");
    EXPECT_THAT(fault.advice, HasSubstr("chmod +x"));
    const auto advice_for = [this](const std::string& name) {
        return fault_of(spec_of({folder_.write(name, "#!/bin/sh\n", false)})).advice;
    };
    EXPECT_THAT(advice_for("it's; main"), testing::AllOf(testing::StartsWith("run: chmod +x '/"),
                                                         testing::EndsWith("/it'\\''s; main'")));
    EXPECT_EQ(advice_for("a\x1B[31m"), "run chmod +x on it");
}

TEST_F(check_program_, looks_into_the_working_directory) {
    spawn_spec what = spec_of({"./main_api"});
    what.working_directory = folder_.path("absent");
    EXPECT_EQ(fault_of(what).id, "bad-directory");
    what.working_directory = folder_.write("file", "");
    EXPECT_EQ(fault_of(what).id, "bad-directory");
    what.working_directory = folder_.path();
    EXPECT_EQ(fault_of(what).id, "missing");
    folder_.write("main_api", "#!/bin/sh\n");
    EXPECT_EQ(fault_of(what).id, "none");
}

TEST_F(check_program_, agrees_with_the_launcher) {
    boost::asio::io_context loop;
    for (const std::string& content : {std::string(), std::string("words"), own_program().substr(0, 100)}) {
        const spawn_spec what = spec_of({folder_.write("program", content)});
        EXPECT_NE(fault_of(what).id, "none");
        auto started = child::spawn(loop.get_executor(), what);
        ASSERT_TRUE(started);
        run(loop, started->wait());
        EXPECT_TRUE(started->failed_start());
    }
}

}  // namespace
}  // namespace corral::process
