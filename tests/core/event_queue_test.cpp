#include "corral/core/event_queue.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(event_queue, handles_an_event_before_post_returns) {
    std::string seen;
    event_queue<char> queue([&](char one) { seen += one; });
    queue.post('a');
    EXPECT_EQ(seen, "a");
    queue.post('b');
    EXPECT_EQ(seen, "ab");
    EXPECT_FALSE(queue.handling());
}

TEST(event_queue, finishes_an_event_before_those_that_it_posts_and_keeps_their_order) {
    std::string seen;
    event_queue<char>* self = nullptr;
    event_queue<char> queue([&](char one) {
        EXPECT_TRUE(self->handling());
        seen += one;
        if (one == 'a') {
            self->post('b');
            self->post('c');
        } else if (one == 'b') {
            self->post('d');
        }
        seen += '.';
    });
    self = &queue;
    queue.post('a');
    EXPECT_EQ(seen, "a.b.c.d.");
}

TEST(event_queue, an_exception_goes_to_the_caller_and_what_waited_is_handled_next) {
    std::string seen;
    event_queue<char>* self = nullptr;
    event_queue<char> queue([&](char one) {
        seen += one;
        if (one == 'a') {
            self->post('b');
            throw std::runtime_error("no");
        }
    });
    self = &queue;
    EXPECT_THROW(queue.post('a'), std::runtime_error);
    EXPECT_FALSE(queue.handling());
    queue.post('c');
    EXPECT_EQ(seen, "abc");
}

TEST(event_queue, a_handler_that_feeds_itself_too_much_at_once_is_a_fault) {
    event_queue<int>* self = nullptr;
    event_queue<int> queue(
        [&](int one) {
            for (int i = 0; i < one; ++i) {
                self->post(0);
            }
        },
        3);
    self = &queue;
    queue.post(3);
    EXPECT_THROW(queue.post(4), std::length_error);
}

TEST(event_queue, takes_events_that_can_only_be_moved) {
    int sum = 0;
    event_queue<std::unique_ptr<int>> queue([&](std::unique_ptr<int> one) { sum += *one; });
    queue.post(std::make_unique<int>(3));
    EXPECT_EQ(sum, 3);
}

}  // namespace
}  // namespace corral::core
