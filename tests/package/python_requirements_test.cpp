#include "package/scripts/python_requirements.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::package {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(python_requirements, names_with_versions_are_taken_as_they_are_meant) {
    EXPECT_THAT(required_versions("# what the tokenizer needs\r\n"
                                  "transformers==4.51.3\r\n"
                                  "Jinja2 >= 3.1 , <4   # for the template\n"
                                  "  torch==2.1.0+cpu\n"
                                  "some_thing.Else~=1.0\n"
                                  "numpy!=1.26.*,>=1.20rc1\n"
                                  "protobuf"),
                ElementsAre(Pair("jinja2", ">=3.1,<4"), Pair("numpy", "!=1.26.*,>=1.20rc1"),
                            Pair("some-thing-else", "~=1.0"), Pair("torch", "==2.1.0+cpu"),
                            Pair("transformers", "==4.51.3")));
}

TEST(python_requirements, what_pip_would_follow_elsewhere_is_not_taken) {
    for (const char* const line : {"-r other.txt",
                                   "--index-url=http://evil.example/simple",
                                   "-e .",
                                   "--pre",
                                   "-c constraints==1.0",
                                   "transformers @ http://evil.example/t.whl",
                                   "http://evil.example/t.whl",
                                   "./t-1.0.whl",
                                   "../t==1.0",
                                   "/tmp/t==1.0",
                                   "t==http://evil.example",
                                   "t==/tmp/x",
                                   "t[extra]==1.0",
                                   "t==1.0; python_version<'4'",
                                   "t==1.0 --hash=sha256:00",
                                   "t===1.0",
                                   "t==1.0 --index-url http://x",
                                   "-t==1.0",
                                   "t-==1.0",
                                   "t=1.0",
                                   "t==",
                                   "t==1.0,",
                                   "t==,1.0",
                                   "t>=1.*",
                                   "t==$(reboot)",
                                   "t==1.0`id`",
                                   "t==1.0|id",
                                   "t==1.0 u==2.0",
                                   "t==\x1b[31m1",
                                   "t\xc3\xa9==1.0",
                                   "${NAME}==1.0",
                                   "t==*",
                                   "t== .1"}) {
        EXPECT_THAT(required_versions(line), IsEmpty()) << line;
    }
}

TEST(python_requirements, a_line_that_goes_on_is_no_line_of_its_own) {
    EXPECT_THAT(required_versions("--index-url \\\nt==1.0\nu==2.0"), ElementsAre(Pair("u", "==2.0")));
    EXPECT_THAT(required_versions("t==1.0 \\\n  --hash=sha256:00\nu==2.0"), ElementsAre(Pair("u", "==2.0")));
}

TEST(python_requirements, a_name_with_two_versions_is_left_to_pip) {
    EXPECT_THAT(required_versions("A_b==1.0\na-B==2.0\nc==1\nc==1\n"), ElementsAre(Pair("c", "==1")));
}

TEST(python_requirements, everything_has_a_bound) {
    EXPECT_THAT(required_versions(std::string(101, 'a') + "==1"), IsEmpty());
    EXPECT_THAT(required_versions("a==" + std::string(51, '1')), IsEmpty());
    EXPECT_THAT(required_versions("a>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1"), IsEmpty());
    EXPECT_THAT(required_versions("a==1\n" + std::string(requirements_bytes, '\n')), IsEmpty());
    std::string many;
    for (int i = 0; i < 5000; ++i) {
        many += "a" + std::to_string(i) + "==1\n";
    }
    EXPECT_EQ(required_versions(many).size(), 1000U);
    EXPECT_THAT(required_versions(std::string("a==1\0.2\n\xff==1\n", 13)), IsEmpty());
}

}  // namespace
}  // namespace corral::package
