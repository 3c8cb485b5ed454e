-- Why a prompt can run nowhere, whatever else it waits for; nulls if it can.
SELECT held_by, held_on FROM prompt_holds WHERE id = :id;
