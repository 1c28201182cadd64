/** Says on stdout when the first event is decoded and the last one handled. Of all tasks: they share the one stream thread. */
final class Progress {
    private static boolean began;
    private static long left;

    private Progress() {}

    static void expect(long messages) {
        left = messages;
    }

    static void decoding() {
        if (!began) {
            began = true;
            say("first");
        }
    }

    static void handled() {
        if (--left == 0) {
            say("last");
        }
    }

    private static void say(String what) {
        System.out.println(what + " " + System.currentTimeMillis() / 1000.0);
    }
}
