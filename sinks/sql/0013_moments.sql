-- Messages to customers by moment (rule, kind, channel): how many went out, how many were answered, how many were redeemed. The id of
-- an action is the invitation's id: feedback that carries it answers, an event that succeeds with it redeems.

CREATE OR REPLACE VIEW moments AS
SELECT
    sent.brand AS brand,
    sent.pack AS pack,
    sent.rule AS rule,
    sent.kind AS kind,
    sent.channel AS channel,
    sent.touchpoint AS touchpoint,
    count() AS sent,
    countIf(answers.first_at IS NOT NULL) AS answered,
    countIf(redeemed.first_at IS NOT NULL) AS redeemed,
    quantileExactIf(0.5)(dateDiff('second', sent.decided_at, least(ifNull(answers.first_at, redeemed.first_at), ifNull(redeemed.first_at, answers.first_at))),
        answers.first_at IS NOT NULL OR redeemed.first_at IS NOT NULL) AS answered_after_seconds
FROM (SELECT * FROM actions_current WHERE emit = 'settled') AS sent
LEFT JOIN (
    SELECT invitation, toNullable(min(occurred_at)) AS first_at
    FROM (
        SELECT occurred_at, if(action_id = '', invitation_id, action_id) AS invitation FROM feedback_current
    )
    WHERE invitation != ''
    GROUP BY invitation
) AS answers ON answers.invitation = sent.action_id
LEFT JOIN (
    SELECT invitation, toNullable(min(occurred_at)) AS first_at
    FROM (
        SELECT occurred_at, if(action_id = '', invitation_id, action_id) AS invitation
        FROM touchpoints_current
        WHERE outcome = 'success'
    )
    WHERE invitation != ''
    GROUP BY invitation
) AS redeemed ON redeemed.invitation = sent.action_id
GROUP BY brand, pack, rule, kind, channel, touchpoint;
