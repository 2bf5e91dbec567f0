-- Arms of experiments, with the person who was drawn. An experiment without a campaign is of the one with its id.
select
    assignments.assignment_key,
    assignments.source_system,
    assignments.experiment_id,
    coalesce(assignments.campaign_id, assignments.experiment_id) as campaign_id,
    accounts.account_key,
    accounts.customer_id,
    assignments.arm,
    lower(assignments.arm) in {{ control_arms() }} as is_control,
    assignments.assigned_at,
    assignments.known_at,
    assignments.stratum
from {{ ref('int_assignment__unioned') }} as assignments
left join {{ ref('int_account__assigned') }} as accounts on assignments.account_key = accounts.account_key
