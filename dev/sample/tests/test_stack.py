import unittest

from stack import Stack


class StackTest(unittest.TestCase):
    def test_begins_empty(self):
        self.assertEqual(len(Stack()), 0)

    def test_push_makes_it_longer(self):
        stack = Stack()
        stack.push("a")
        self.assertEqual(len(stack), 1)

    def test_pop_takes_what_was_pushed(self):
        stack = Stack()
        stack.push("a")
        self.assertEqual(stack.pop(), "a")

    def test_pop_takes_the_last_item_first(self):
        stack = Stack()
        for item in ("a", "b", "c"):
            stack.push(item)
        self.assertEqual([stack.pop(), stack.pop(), stack.pop()], ["c", "b", "a"])

    def test_pop_of_an_empty_stack_is_an_error(self):
        with self.assertRaises(IndexError):
            Stack().pop()


if __name__ == "__main__":
    unittest.main()
